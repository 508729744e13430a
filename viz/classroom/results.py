"""One page of what a class did: who took part, how far they agreed, and where the data are. Nobody is named."""

from collections.abc import Sequence
from html import escape

from viz.classroom.stage import COMPARE, GUESS, VOTE, Stage

ASKED = {VOTE: "voting", COMPARE: "comparing clips", GUESS: "guessing"}
WIDTH, HEIGHT, EDGE = 680, 200, 34  # of the curve
HEAD = """<!doctype html><meta charset='utf-8'><title>The class</title><link rel='icon' href='data:,'>
<style>body { font: 16px/1.5 system-ui; max-width: 720px; margin: 2em auto; padding: 0 1em }
td, th { padding: 2px 12px; text-align: left }</style>"""


def results_page(stage: Stage) -> str:
    """Returns it as HTML."""
    teaching, room = stage.lab.teaching, stage.room
    notebook = teaching.notebook
    worth = sorted(stage.informedness().values(), reverse=True)
    facts = {
        "World": notebook.world,
        "Session": notebook.session or "none",
        "Students who joined": str(len(room.students())),
        "Questions that were voted on": str(len(stage.curve)),
        "Mean approval (-1 to 1)": f"{sum(stage.curve) / len(stage.curve):.2f}" if stage.curve else "none",
        **{f"Agreement when {asked} (Krippendorff's alpha)": _alpha(stage, mode) for mode, asked in ASKED.items()},
        "What votes are worth, best first (informedness)": ", ".join(f"{one:.2f}" for one in worth) or "none",
        "Lessons that the agents learned": str(teaching.live.n_learned if teaching.live is not None else 0),
        "Who listened": teaching.listener,
    }
    right = stage.riddles.share_right()
    if right is not None:
        facts["Share of right guesses"] = f"{right:.0%}"
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts.items())
    answers = "".join(
        f"<li>{escape(name)}: {escape(', '.join(f'{answer} {count}' for answer, count in one.items()))}</li>"
        for name, one in stage.answers().items()
    )
    data = (
        "<p>The data set: <code>aira data export FOLDER</code> writes every signal with its session, step, agent and "
        "the random number of who gave it; the session above is its provenance. <code>aira data forget NUMBER</code> "
        "deletes somebody's part of it.</p>"
    )
    return f"{HEAD}<h1>What the class did</h1><table>{rows}</table>{_curve(stage.curve)}<ul>{answers}</ul>{data}"


def _alpha(stage: Stage, mode: str) -> str:
    found = stage.agreement(mode)
    return "not defined" if found is None else f"{found:.2f}"


def _curve(values: Sequence[float]) -> str:
    """Returns what the class said of each question, as a picture that needs no other file; "" of less than two."""
    if len(values) < 2:
        return ""
    step = (WIDTH - 2 * EDGE) / (len(values) - 1)
    points = " ".join(f"{EDGE + i * step:.1f},{_height(value):.1f}" for i, value in enumerate(values))
    lines = "".join(
        f"<line x1='{EDGE}' x2='{WIDTH - EDGE}' y1='{_height(at):.1f}' y2='{_height(at):.1f}' stroke='#ccc'/>"
        f"<text x='{EDGE - 6}' y='{_height(at) + 4:.1f}' text-anchor='end'>{at:+d}</text>"
        for at in (-1, 0, 1)
    )
    return (
        f"<h2>Approval, question by question</h2><svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' font-size='12' "
        f"aria-label='Approval of each of {len(values)} questions, -1 to 1'>{lines}"
        f"<polyline points='{points}' fill='none' stroke='#0072B2' stroke-width='2'/></svg>"
    )


def _height(value: float) -> float:
    return HEIGHT / 2 - value * (HEIGHT / 2 - EDGE / 2)
