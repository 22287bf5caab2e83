"""Prints the paragraphs of a book in HTML (as Publican writes it) as plain text, one a line.

    python3 prose.py FOLDER > prose.txt

Pages are read in alphabetical order. Only <div class="para"> counts, without the programs and
screens in it: no headings, tables or navigation.
"""
import html.parser
import pathlib
import sys


class Paragraphs(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.divisions, self.listings, self.words = 0, 0, []

    def handle_starttag(self, tag, attributes):
        if tag == "div" and (self.divisions or ("class", "para") in attributes):
            self.divisions += 1
        if tag == "pre":
            self.listings += 1

    def handle_endtag(self, tag):
        if tag == "pre":
            self.listings -= 1
        if tag == "div" and self.divisions:
            self.divisions -= 1
            if self.divisions == 0:
                text = " ".join("".join(self.words).split())
                self.words.clear()
                if len(text) > 80:  # shorter ones are captions and list entries
                    print(text)

    def handle_data(self, data):
        if self.divisions and not self.listings:
            self.words.append(data)


def main():
    pages = sorted(pathlib.Path(sys.argv[1]).glob("*.html"))
    if not pages:
        sys.exit(f"prose.py: there is no page in {sys.argv[1]}")
    for page in pages:
        parser = Paragraphs()
        parser.feed(page.read_text(encoding="utf-8"))
        parser.close()


if __name__ == "__main__":
    main()
