"""Tables in Markdown, from small files of results beside this one.

    tables.py REPOSITORY FOLDER
"""
import csv
import json
import pathlib
import shutil
import subprocess
import sys

repository, folder = map(pathlib.Path, sys.argv[1:])
data = repository / "tests" / "examples" / "tables"
shutil.rmtree(folder, ignore_errors=True)
shutil.copytree(data, folder)
page = folder / "page.md"


def tables(*words):
    return subprocess.run([sys.executable, repository / "examples" / "study" / "tables.py", *map(str, words)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def refused(sentence, *words):
    found = tables(*words)
    assert found.returncode == 1 and found.stdout.startswith("tables.py: "), found.stdout
    assert sentence in found.stdout, f"{found.stdout}\ndoes not say: {sentence}"


def write(name, text):
    (folder / name).write_text(text)
    return folder / name


# By hand: two calibration sets with 85 and 86 are 85.5, and half their distance is 0.5.
shown = tables("quality", folder / "study.csv")
assert "| Wanda | 98.6 ± 0.1 | 85.5 ± 0.5 | 79.0 |\n" in shown.stdout, shown.stdout
# Differences of four scenes, in points: 100, 0, 50 and -50. Their mean is 25, its standard error
# sqrt((75² + 25² + 25² + 75²) / 3 / 4) = 32.3.
shown = tables("differences", folder / "study.csv", "samples")
assert "| +25.0 ± 32.3 |" in shown.stdout, shown.stdout
# The two calibration sets have means of 50 and 0, whose standard error is 25. sqrt(32.3² + 25²) = 40.8.
shown = tables("noise", folder / "study.csv", "samples")
assert "| 50 % | +25.0 | 32.3 | 25.0 | 40.8 |\n" in shown.stdout, shown.stdout
# A single set says nothing about the noise of sets.
one_set = write("one_set.csv", "".join(line for line in (folder / "study.csv").read_text().splitlines(keepends=True)
                                       if ",2,0." not in line))
shown = tables("noise", one_set, "samples")
assert "| 50 % | +50.0 | 28.9 | - | - |\n" in shown.stdout, shown.stdout
one_set.unlink()
refused("no row of the results", "selectors", folder / "reduced.csv", "accuracy", "nobody")

# A first line with fingerprints is read as one without. Three decimals are in the names of the samples' files.
fine = folder / "fine"
shutil.copytree(folder / "samples", fine / "samples")
for path in (fine / "samples").iterdir():
    path.rename(path.with_name(path.name.replace("-0.50.csv", "-0.504.csv")))
lines = (folder / "study.csv").read_text().replace(",0.5000,", ",0.5040,").splitlines(keepends=True)
lines[0] = lines[0].rstrip() + "; fingerprints: model 0123456789abcdef, data fedcba9876543210\n"
write("fine/study.csv", "".join(lines))
shown = tables("differences", fine / "study.csv", "samples")
assert "| +25.0 ± 32.3 |" in shown.stdout, shown.stdout
shutil.rmtree(fine)

# Budgets have as many digits as they need.
budgets = write("budgets.csv", (folder / "reduced.csv").read_text().replace("random,0.8", "random,0.45"))
shown = tables("reductions", budgets, "accuracy")
assert "| random | 0.45 | 82 % | 86.7 |\n| random | 0.6 | 64 % | 71.5 |\n" in shown.stdout, shown.stdout
budgets.unlink()

# Removed units. Half of single weights leaves half of them in tensors that are as large as before.
write("structure.csv", "# a model\nwhat,sparsity,parameters,bytes,perplexity,threads,tokens_per_second,prefill\n"
      "dense,0,20000000,40000000,29.14,1,16.12,131.4\n"
      "dense,0,20000000,40000000,29.14,2,30,200\n"
      '"flap, uniform, biases",0.2,16000000,32000000,39.8,1,19.3,157\n'
      '"wanda, single weights, 0.500",0.2,20000000,22500000,31,1,25,119\n')
shown = tables("structure", folder / "structure.csv", "perplexity,tokens_per_second,prefill")
assert shown.stdout.strip() == (
    "| 20 % asked | parameters of the layers | MB | perplexity | tokens/s | prefill/s |\n|---|---|---|---|---|---|\n"
    "| dense | 20.0 M | 40.0 | 29.1 | 16.1 | 131 |\n"
    "| FLAP, uniform, biases | 16.0 M | 32.0 | 39.8 | 19.3 | 157 |\n"
    "| Wanda, single weights, 50.0 % | 20.0 M, of which 10.0 M stay | 22.5 | 31.0 | 25.0 | 119 |"), shown.stdout
refused("structure.csv has no column 'accuracy'", "structure", folder / "structure.csv", "accuracy")
(folder / "structure.csv").unlink()

# All tables of a page are written between their marks, those of missing files and the prose stay.
done = tables("--update", page, folder)
assert done.returncode == 0, done.stdout
assert done.stdout == f"{folder / 'elsewhere.csv'} is not there: its tables are as before\n", done.stdout
assert page.read_text() == (folder / "expected.md").read_text(), page.read_text()
tables("--update", page, folder)
assert page.read_text() == (folder / "expected.md").read_text(), "a second update changes the page"
assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in data.iterdir())

# The same results as JSON give the same tables. Nothing is null, numbers are numbers.
lines = (folder / "study.csv").read_text().splitlines()
words = ("score", "allocate", "pattern")
rows = [{name: cell if name in words else json.loads(cell or "null") for name, cell in row.items()}
        for row in csv.DictReader(lines[1:])]
write("study.json", json.dumps({"settings": lines[0][2:], "rows": rows}))
for table in (["quality"], ["kinds", "0.5"], ["weightings"], ["refinements", "accuracy"]):
    of_csv, of_json = (tables(table[0], folder / f"study.{form}", *table[1:]) for form in ("csv", "json"))
    assert of_csv.returncode == 0 and of_csv.stdout == of_json.stdout, of_json.stdout

# The marks of the repository's own page name tables that there are.
checked = tables("--check", repository / "docs" / "results.md")
assert checked.returncode == 0, checked.stdout

# Whatever is wrong is said in a sentence, and the page stays as it is.
before = page.read_text()
refused("study.csv has no column 'perplexity'; it has score, allocate", "quality", folder / "study.csv", "perplexity")
refused("has 0 words behind its file; kinds takes 1", "kinds", folder / "study.csv")
refused("has no rows of results", "quality", write("empty.csv", "# a model\nscore,allocate,accuracy\n"))
refused("is no file of results: its first column is 'layer'", "quality", write("layers.csv", "layer,image\na,0.5\n"))
refused("row 1 has not as many cells", "quality", write("cut.csv", "score,allocate,pattern,accuracy\nwanda,uniform\n"))
refused("is no file of results", "quality", write("broken.json", "{"))
refused("is no file of results", "quality", write("other.json", "[1]"))
refused("cannot be read", "quality", folder / "nothing.csv")
shorter = folder / "samples" / "wanda-uniform-per_row-2-0.50.csv"
whole = shorter.read_text()
shorter.write_text(whole.rsplit("3,", 1)[0])
refused("their files have 4, 4, 4, 3 lines", "differences", folder / "study.csv", "samples")
shorter.write_text(whole)
refused("there is no folder", "differences", folder / "study.csv", "nowhere")
refused("no row of the results is in the table of at 90 %", "kinds", folder / "study.csv", "0.9")
for text, sentence in (("<!-- table: quality study.csv -->\n", "page.md:1: the table 'quality study.csv' has no end"),
                       ("a\n<!-- /table -->\n", "page.md:2: a table ends that has not begun"),
                       ("<!-- table: quality a.csv -->\n<!-- table: quality a.csv -->\n", "a table begins in another"),
                       ("<!-- table: quantity study.csv -->\n", "'quantity study.csv' names no table and file"),
                       ("<!-- table: quality -->\n", "'quality' names no table and file")):
    write("page.md", text)
    refused(sentence, "--check", page)
    refused(sentence, "--update", page, folder)
    assert page.read_text() == text
write("page.md", before.replace("quality text.csv agreement", "quality text.csv accuracy"))
refused("text.csv has no column 'accuracy'", "--update", page, folder)
assert page.read_text() == before.replace("quality text.csv agreement", "quality text.csv accuracy")
