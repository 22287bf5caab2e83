#!/usr/bin/env bash
# Installs what is missing and makes the site: guides, concepts, policies, results, and the reference out of the
# comments in the headers. Open build/site/site/index.html. A dead link or a warning ends it.
#
#     bash docs/build.sh           the site, some minutes
#     bash docs/build.sh look      also looks at each page with a browser, at the widths of a desk and of a phone,
#                                  in light and dark: nothing may be wider than the page
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/steps.sh
need python3-venv doxygen
site=build/site
mkdir -p $site
[ -x $site/python/bin/mkdocs ] || python3 -m venv $site/python
$site/python/bin/python -m pip install --quiet --disable-pip-version-check mkdocs==1.6.1 mkdocs-material==9.8.2 \
  mkdoxy==1.2.8
python3 docs/site/pages.py $site
(cd $site && NO_MKDOCS_2_WARNING=1 python/bin/mkdocs build --quiet --strict)
echo "The site is in $site/site"
if [ "${1:-}" = look ]; then
  need chromium chromium-driver
  $site/python/bin/python -m pip install --quiet --disable-pip-version-check selenium==4.27.1
  $site/python/bin/python docs/site/look.py $site/site $site/looks
fi
