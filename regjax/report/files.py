"""Writes a report into a folder: `comparison.json`, `.md`, `.csv` and `curves.png`."""

from collections.abc import Iterable
from pathlib import Path

from regjax.files import replace_text
from regjax.report.formats import TEXTS, numbers
from regjax.report.looks import NUMBERS, PAGE, check_output
from regjax.report.overall import Report
from regjax.saved.directory import CURVES

# Every report has files in these formats. It also has `comparison.json`, which counts the looks.
WRITTEN = ("md", "csv")
PICTURE = Path(CURVES).suffix[1:]
# Further formats of pictures, for papers.
VECTORS = ("pdf", "svg")


def write_report(report: Report, directory: Path, paths: Iterable[Path], formats: Iterable[str] = ()) -> None:
    """Writes the same tables for programs, pages and spreadsheets, and a picture, each file in one step.

    `formats` adds files: tex, pdf, svg. `paths` hold the runs of the report. The report saves the paths, to
    count later looks at them. Raises `UserError` if the folder has the report of other paths, or files that
    no report wrote.
    """
    check_output(directory, paths)
    text = numbers(report, paths, directory)
    curves, written = directory / CURVES, directory / NUMBERS
    is_drawn = curves.is_file() and written.is_file() and written.read_bytes() == text.encode()
    if not is_drawn:
        curves.unlink(missing_ok=True)  # if this process is killed before it draws, the next one draws
    # `comparison.json` comes first, since it says which paths the other files belong to.
    replace_text(written, text)
    for name in dict.fromkeys((*WRITTEN, *(each for each in formats if each in TEXTS))):
        replace_text((directory / PAGE).with_suffix(f".{name}"), TEXTS[name](report))
    pictures = [PICTURE] * (not is_drawn) + [name for name in formats if name in VECTORS]
    if pictures:
        from regjax.report.bands import draw_variants  # matplotlib takes .3 s, and most commands draw nothing

        draw_variants(report, directory, pictures)
