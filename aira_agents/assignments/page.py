"""Pages that need nothing else: grades and leaderboards as one file, to open, to send, to archive."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from aira_agents.assignments.grading import DONE, Grade
from aira_agents.assignments.spec import Assignment

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid #ccc; vertical-align: top }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
td.number { white-space: nowrap }
.bad { color: #a33 }
.dim { color: #595959 }
figure { margin: 0 0 1.5rem }
img { max-width: 30rem; border: 1px solid #ccc }
.track { width: 8rem; background: #e4e4e4; display: block; height: .7rem; margin: .4rem 0 }
.bar { height: .7rem; background: #0072B2; display: block }
@media (prefers-color-scheme: dark) {
  body { background: #181a1d; color: #ddd }
  .dim { color: #aaa }
  .bad { color: #f88 }
  .track { background: #333 }
  td, th { border-color: #444 }
}
"""


def grades_page(assignment: Assignment, grades: Sequence[Grade], late: Mapping[str, bool], level: str) -> str:
    """Returns a page with every submission: points, state, and each test when it is opened."""
    done = [grade for grade in grades if grade.state == DONE]
    head = (
        f"{len(grades)} submissions, {len(done)} ran to the end; at most {assignment.points} points. "
        f"Every submission met the same worlds, at the level {level}. Plagiarism is not looked for."
    )
    rows = "\n".join(_row(grade, bool(late.get(grade.name))) for grade in sorted(grades, key=lambda g: -g.points))
    table = f"""<table><thead><tr><th>Who<th class="number">Points<th>State<th>What came</tr></thead>
<tbody>{rows}</tbody></table>"""
    return page(assignment.title, f'<p class="dim">{html.escape(head)}</p>{table}')


def page(title: str, body: str) -> str:
    """Returns a whole page; `body` is HTML."""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,"><title>{html.escape(title)}</title><style>{STYLE}</style>
<h1>{html.escape(title)}</h1>
{body}
</html>
"""


def figure(image: Path, caption: str) -> str:
    """Returns a picture inside the page, with its caption."""
    data = base64.b64encode(image.read_bytes()).decode()
    kind = image.suffix.removeprefix(".")
    told = html.escape(caption)
    return f'<figure><img alt="{told}" src="data:image/{kind};base64,{data}"><figcaption>{told}</figcaption></figure>'


def _row(grade: Grade, late: bool) -> str:
    share = grade.points / max(grade.most, 1)
    bar = f'<span class="track"><span class="bar" style="width:{share:.0%}"></span></span>'
    tests = "".join(
        f"<li>{outcome.points} of {outcome.most}: {html.escape(outcome.name)}. "
        f'<span class="dim">{html.escape(outcome.came)}; expected: {html.escape(outcome.expected)}</span></li>'
        for outcome in grade.outcomes
    )
    printed = f"<pre>{html.escape(grade.printed[:1000])}</pre>" if grade.printed else ""
    told = html.escape(grade.told) if grade.told else "all tests"
    state = grade.state + (", late" if late else "")
    return (
        f'<tr><td>{html.escape(grade.name)}<td class="number">{grade.points} of {grade.most}'
        f'<td class="{"" if grade.state == DONE else "bad"}">{state}'
        f"<td>{bar}<details><summary>{told}</summary><ul>{tests}</ul>{printed}</details></tr>"
    )
