#!/usr/bin/env python3
"""Looks at every page of the site with Chromium: nothing may be wider than the page, no link may be dead.

    look.py SITE PICTURES

Each page is opened at the widths of a desk and of a phone. Pictures are taken of pages outside the reference, in light
at the desk's width and in dark at the phone's.
"""
import pathlib
import shutil
import sys
import urllib.parse

from selenium import webdriver

WIDTHS = {"desk": (1280, "light"), "phone": (390, "dark")}
WIDER = """
const width = document.documentElement.clientWidth, wide = [];
if (document.documentElement.scrollWidth > width + 1)
  for (const e of document.querySelectorAll('article *'))
    if (e.getBoundingClientRect().right > width + 1) wide.push(e.tagName + ' ' + e.textContent.trim().slice(0, 60));
return document.documentElement.scrollWidth > width + 1 ? (wide[0] || 'the page itself') : '';
"""
LINKS = "return [...document.querySelectorAll('a[href]')].map(a => a.href)"


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--allow-file-access-from-files"):
        options.add_argument(argument)
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


def show(driver, width, scheme):
    """The page that is open, or will be, at this width. Nothing is loaded again."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    site, pictures = (pathlib.Path(word).resolve() for word in sys.argv[1:])
    pictures.mkdir(parents=True, exist_ok=True)
    pages = sorted(site.rglob("*.html"))
    if not pages:
        sys.exit(f"look.py: there are no pages in {site}")
    problems = set()
    driver = browser()
    for number, page in enumerate(pages):
        if number % 100 == 0:
            print(f"page {number} of {len(pages)}, {len(problems)} problems", flush=True)
        short = page.relative_to(site)
        # From the phone's width to the desk's, what slides in would be taken for too wide.
        show(driver, *WIDTHS["desk"])
        driver.get(page.as_uri())
        # The links of the page for addresses that are not there begin at the root of a server.
        for link in driver.execute_script(LINKS) if short.name != "404.html" else []:
            there = urllib.parse.urlparse(link)
            if there.scheme == "file" and not pathlib.Path(urllib.parse.unquote(there.path)).exists():
                problems.add(f"{short} links to {link}, which is not there")
        for name, (width, scheme) in WIDTHS.items():
            show(driver, width, scheme)
            wide = driver.execute_script(WIDER)
            if wide:
                problems.add(f"{short} is wider than {width} pixels: {wide}")
            if short.parts[0] not in ("api", "source"):
                driver.save_screenshot(pictures / f"{name}-{'-'.join(short.with_suffix('').parts)}.png")
    driver.quit()
    print("\n".join(sorted(problems)) or f"{len(pages)} pages fit, and no link is dead")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
