"""The grades of a class as one page."""

import html
from collections.abc import Mapping, Sequence

from aira_agents.assignments.grading import DONE, Grade
from aira_agents.assignments.page import page
from aira_agents.assignments.spec import Assignment


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
