# Sourced by examples/run.sh, bench/run.sh, docs/build.sh and tests/run.sh: installs what is missing and builds, in a
# few lines. Everything that the tools print goes to build/NAME.log, which is shown when they fail.

# The packages that every build needs.
build_packages=(g++ cmake ninja-build libeigen3-dev nlohmann-json3-dev libcli11-dev libfmt-dev)

# A script that takes names of files notes the caller's folder before it goes to the repository. `root` is then
# what begins a name of the script's own in both: nothing, if they are the same folder.
root=
[ "${caller:-$PWD}" = "$PWD" ] || root=$PWD/

# run_for_caller COMMAND...: ends the script with a command in the caller's folder, where the caller's words name
# what the caller means. In parentheses the script goes on.
run_for_caller() {
  cd "$caller"
  exec "$@"
}

# as_root COMMAND...: runs it as root, through sudo if need be.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "This needs root, and there is no sudo: $*" >&2
    return 1
  fi
}

# failed WHAT LOG: shows the first error in a log, or its last lines, and exits.
failed() {
  {
    echo "$1 failed:"
    if grep -q '^FAILED: ' "$2"; then
      sed -n '/^FAILED: /,$p' "$2" | head -n 40
    else
      tail -n 20 "$2"
    fi
    echo "All of it is in $2"
  } >&2
  exit 1
}

# apt_get COMMAND...: apt-get, which waits for up to ten minutes for others that hold its locks. Its own
# option waits for the lock of installing, but not for that of updating.
apt_get() {
  local tries=0 status printed
  while true; do
    status=0
    printed=$(as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
      apt-get -o DPkg::Lock::Timeout=600 "$@" 2>&1) || status=$?
    printf '%s\n' "$printed"
    [[ $status -ne 0 && $printed == *"Could not get lock"* && $tries -lt 60 ]] || return $status
    tries=$((tries + 1))
    sleep 10
  done
}

# need PACKAGE...: installs the Debian packages that are missing.
need() {
  local missing=() package log=build/packages.log
  if ! command -v apt-get >/dev/null; then
    echo "There is no apt-get. What is called in Debian as follows must be there: $*"
    return
  fi
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing ${missing[*]}"
  mkdir -p build
  # Lists that cannot be updated may still be good enough.
  { apt_get update -q; apt_get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
    failed "Installing" "$log"
}

# install_python_packages: those that results are compared with and reloaded by, for $python. The packages say
# neither that compressed-tensors needs psutil nor which version of transformers is known to work.
python=build/python/bin/python
install_python_packages() {
  need python3-venv
  [ -x $python ] || python3 -m venv build/python
  $python -m pip install --quiet --disable-pip-version-check compressed-tensors==0.14.0 \
    transformers==4.57.6 gguf==0.19.0 psutil
}

# progress LOG: writes what ninja prints to LOG, and how far it is to a line that counts on a terminal,
# and elsewhere to a line for each tenth.
progress() {
  local line tenth=0 now
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$1"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\ (Building|Linking) ]] || continue
    if [ -t 1 ]; then
      printf '\r\033[K  %d of %d' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    else
      now=$((10 * BASH_REMATCH[1] / BASH_REMATCH[2]))
      [ "$now" -eq "$tenth" ] || echo "  $((10 * now)) % of ${BASH_REMATCH[2]} files"
      tenth=$now
    fi
  done
  if [ -t 1 ]; then printf '\r\033[K'; fi
}

# build PRESET FOLDER [ARGUMENT...] [-- TARGET...]: configures FOLDER with a preset and further
# arguments, and builds the targets, or everything.
build() {
  local preset=$1 folder=$2 log=$2.log arguments=() targets=() started=$SECONDS
  shift 2
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    arguments+=("$1")
    shift
  done
  [ $# -eq 0 ] || targets=(--target "${@:2}")
  mkdir -p "$(dirname "$log")"
  echo "Building $folder"
  cmake --preset "$preset" -B "$folder" "${arguments[@]}" >"$log" 2>&1 ||
    failed "Configuring $folder" "$log"
  cmake --build "$folder" "${targets[@]}" 2>&1 | progress "$log" || failed "Building $folder" "$log"
  echo "  built in $((SECONDS - started)) s"
}
