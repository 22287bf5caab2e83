#!/usr/bin/env python3
"""Gathers the pages of the site, so that links work there as they do in the repository.

    pages.py OUTPUT
    pages.py --self-test   that pages of policies without their table are found

OUTPUT/mkdocs.yml and OUTPUT/pages are written, for `mkdocs build`. A link to a file that is no page, such as a
program, leads to a page that shows the file; a link to a folder, to a page that lists it. A link to a file or
a heading that does not exist ends the program, and so does a page of a policy that does not begin with its title,
one sentence, and the table of its attributes.
"""
import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)(\))")
FENCE = re.compile(r"^(```|~~~)")
LIST_ITEM, INSIDE_LIST = re.compile(r"([-*] |\d+\. )"), re.compile(r"([-*] |\d+\. | )")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$")

# The rows of the table with which each page of a policy begins, in this order.
ATTRIBUTES = ["header", "role", "formula", "needs", "shows", "parameters", "cost", "exactness", "source"]
REQUIRED = ["role", "needs", "cost", "exactness", "source"]
POLICY = re.compile(r"# .+\n\n(?:[^|#\s].*\n)+\n\| \| \|\n\|---\|---\|\n((?:\|.*\n)+)")

# Title of a part of the navigation: its pages, and folders of which each page is one.
NAVIGATION = {
    "Start": ["README.md", "docs/overview.md", "docs/guide/getting_started.md", "docs/guide/install.md", "docs/guide/tamp.md",
              "docs/guide/prune_files.md", "docs/guide/what_pruning_pays.md", "docs/guide/study.md",
              "docs/guide/several_machines.md", "docs/guide/cuda.md", "docs/comparison.md", "docs/guide/versions.md",
              "examples/teach/README.md"],
    "Concepts": ["docs/glossary.md", "docs/concepts/tensors.md", "docs/concepts/statistics.md", "docs/concepts/recipes.md",
                 "docs/concepts/masks.md", "docs/concepts/models.md", "docs/concepts/structure.md",
                 "docs/concepts/tokens.md", "docs/concepts/sparse.md", "docs/concepts/files.md",
                 "docs/concepts/execution.md", "docs/concepts/floors.md"],
    "Scores": ["docs/policies/score"],
    "Patterns": ["docs/policies/pattern"],
    "Allocations": ["docs/policies/allocate"],
    "Refinements": ["docs/policies/refine"],
    "Structure": ["docs/policies/structure"],
    "Statistics": ["docs/policies/stat"],
    "Tokens": ["docs/policies/token"],
    "Computation": ["docs/policies/compute"],
    "Hosts": ["docs/hosts/index.md", "docs/hosts"],
    "Results": ["docs/results.md", "docs/performance.md", "docs/parity.md", "examples/data/video_mllm/README.md",
                "examples/data/tiny_mllm/README.md"],
    "Project": ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "LICENSE"],
}
LANGUAGES = {".hpp": "cpp", ".cpp": "cpp", ".cuh": "cuda", ".cu": "cuda", ".h": "c", ".c": "c", ".inl": "cpp",
             ".cppm": "cpp", ".py": "python", ".sh": "bash", ".txt": "text", ".cmake": "cmake", ".json": "json"}


def fail(sentence):
    sys.exit(f"pages.py: {sentence}")


def anchors(text):
    """The anchors of a page's headings, as GitHub and the site's theme make them."""
    found, inside = set(), False
    for line in text.splitlines():
        if FENCE.match(line):
            inside = not inside
        heading = None if inside else HEADING.match(line)
        if heading:
            plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
    return found


def fault_of_policy(text):
    """A sentence on the table with which a page of a policy begins, or None."""
    beginning = POLICY.match(text)
    if not beginning:
        return "does not begin with a title, a paragraph and the table of attributes"
    rows = [row.split(" | ")[0].removeprefix("| ") for row in beginning[1].splitlines()]
    for row in rows:
        if row not in ATTRIBUTES:
            return f"has an attribute {row}, which is none of {', '.join(ATTRIBUTES)}"
    for row, following in zip(rows, rows[1:]):
        if ATTRIBUTES.index(row) >= ATTRIBUTES.index(following):
            return f"has the attribute {following} after {row}; the order is {', '.join(ATTRIBUTES)}"
    missing = [name for name in REQUIRED if name not in rows]
    return f"lacks the attribute {missing[0]}" if missing else None


def self_test():
    def fault_of(names, before="# score::x\n\nKeeps some\nweights.\n\n| | |\n|---|---|\n"):
        return fault_of_policy(before + "".join(f"| {name} | a \\| b |\n" for name in names) + "\n**Edges.**\n")

    for names in (ATTRIBUTES, REQUIRED):
        assert fault_of(names) is None, names
    for name in REQUIRED:
        assert fault_of([row for row in ATTRIBUTES if row != name]) == f"lacks the attribute {name}", name
    assert "source after source" in fault_of([*ATTRIBUTES, "source"])
    assert "needs after cost" in fault_of(["role", "cost", "needs", "exactness", "source"])
    assert "an attribute ties, which is none of header" in fault_of([*ATTRIBUTES, "ties"])
    for before in ("# score::x\n\n| | |\n|---|---|\n", "# score::x\n\nKeeps some.\n\nMore.\n\n| | |\n|---|---|\n",
                   "# score::x\n\nKeeps some.\n\n"):
        assert "does not begin" in fault_of(ATTRIBUTES, before), before
    print("pages of policies without their table are found")


class site:
    def __init__(self, output):
        self.pages = output / "pages"
        shutil.rmtree(self.pages, ignore_errors=True)
        self.place = {}  # of each file of the repository that has a page
        self.waiting = []

    def add(self, path):
        """The place of a page, which is written later."""
        path = pathlib.Path(os.path.normpath(path))
        if path not in self.place:
            if path == pathlib.Path("README.md"):
                place = pathlib.Path("index.md")
            elif path.suffix == ".md":
                place = pathlib.Path(*path.parts[1:]) if path.parts[0] == "docs" else path
                place = place.with_name("index.md") if place.name == "README.md" else place
            else:
                place = pathlib.Path("source") / path / "index.md"
            self.place[path] = place
            self.waiting.append(path)
        return self.place[path]

    def write(self):
        while self.waiting:
            path = self.waiting.pop()
            place = self.pages / self.place[path]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self.text_of(path), encoding="utf-8")

    def text_of(self, path):
        whole = ROOT / path
        if whole.is_dir():
            inside = sorted(p.name for p in whole.iterdir() if not p.name.startswith((".", "__")))
            lines = [f"- [{name}]({self.link(path, path / name)})" for name in inside]
            return "\n".join([f"# {path}", "", *lines, ""])
        text = whole.read_text(encoding="utf-8")
        if path.suffix == ".md":
            return self.linked(path, text)
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
        return (f"---\nsearch:\n  exclude: true\n---\n\n# {path}\n\n{fence}{LANGUAGES.get(path.suffix, 'text')}\n"
                f"{text.rstrip()}\n{fence}\n")

    def linked(self, path, text):
        """The text of a page with its links as the site has them, and a line between a paragraph and its list."""
        lines = []
        for part in re.split(r"(^(?:```|~~~).*?^(?:```|~~~)$)", text, flags=re.MULTILINE | re.DOTALL):
            if FENCE.match(part):
                lines += part.splitlines()
                continue
            part = LINK.sub(lambda m: m[1] + self.target(path, m[2]) + m[3], part)
            for line in part.splitlines():
                if LIST_ITEM.match(line) and lines and lines[-1] and not INSIDE_LIST.match(lines[-1]):
                    lines.append("")
                lines.append(line)
        return "\n".join(lines) + "\n"

    def target(self, path, target):
        if re.match(r"[a-z]+:", target):
            return target
        name, _, anchor = target.partition("#")
        there = pathlib.Path(os.path.normpath(path.parent / name)) if name else path
        if not (ROOT / there).exists():
            fail(f"{path} links to {target}, which is not there")
        if anchor and anchor not in anchors((ROOT / there).read_text(encoding="utf-8")):
            fail(f"{path} links to {target}, and {there} has no such heading")
        return self.link(path, there) + (f"#{anchor}" if anchor else "") if name else target

    def link(self, path, there):
        """The way from a page to a file of the repository."""
        if there.suffix in (".svg", ".png"):
            place = pathlib.Path(*there.parts[1:]) if there.parts[0] == "docs" else there
            (self.pages / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / there, self.pages / place)
        elif (ROOT / there).is_file() and there.suffix in (".safetensors", ".gguf", ".npz"):
            fail(f"{path} links to {there}, which no page can show")
        else:
            place = self.add(there)
        return os.path.relpath(place, self.place[path].parent)


def title(place):
    """The first heading of a page, without marks."""
    for line in place.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line[2:].replace("`", "").strip()
    return place.stem


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    output = pathlib.Path(sys.argv[1]).resolve()
    made = site(output)
    navigation = {}
    for part, entries in NAVIGATION.items():
        listed = navigation[part] = []
        for entry in map(pathlib.Path, entries):
            whole = ROOT / entry
            if not whole.exists():
                fail(f"the navigation names {entry}, which is not there")
            pages = sorted(whole.glob("*.md")) if whole.is_dir() else []
            for page in pages or [whole]:
                place = made.add(page.relative_to(ROOT))
                if place not in listed:
                    listed.append(place)
    for page in (ROOT / "docs").rglob("*.md"):
        if page.relative_to(ROOT) not in made.place:
            fail(f"{page.relative_to(ROOT)} has no place in the navigation")
    for page in sorted((ROOT / "docs" / "policies").rglob("*.md")):
        if fault := fault_of_policy(page.read_text(encoding="utf-8")):
            fail(f"{page.relative_to(ROOT)} {fault}")
    made.write()
    settings = (pathlib.Path(__file__).parent / "mkdocs.yml").read_text(encoding="utf-8").replace("ROOT", str(ROOT))
    lines = ["nav:"]
    for part, places in navigation.items():
        lines.append(f"  - {part}:")
        lines += [f"      - {title(made.pages / place)!r}: {place}" for place in places]
    lines += ["  - Reference:", *(f"      - {name}: api/{name.lower()}.md" for name in ("Namespaces", "Classes", "Files"))]
    (output / "mkdocs.yml").write_text(settings + "\n".join(lines) + "\n", encoding="utf-8")
    shutil.copytree(pathlib.Path(__file__).parent / "theme", made.pages / "theme")
    print(f"{len(made.place)} pages in {made.pages}")


if __name__ == "__main__":
    main()
