"""One page of what a class did: who took part, how far they agreed, and where the data are. Nobody is named."""

from html import escape

from viz.classroom.stage import Stage

HEAD = """<!doctype html><meta charset='utf-8'><title>The class</title>
<style>body { font: 16px/1.5 system-ui; max-width: 720px; margin: 2em auto; padding: 0 1em }
td, th { padding: 2px 12px; text-align: left }</style>"""


def results_page(stage: Stage) -> str:
    """Returns it as HTML."""
    teaching, room = stage.lab.teaching, stage.room
    notebook = teaching.notebook
    agreement = stage.agreement()
    worth = sorted(stage.informedness().values(), reverse=True)
    facts = {
        "World": notebook.world,
        "Session": notebook.session or "none",
        "Students who joined": str(len(room.students())),
        "Questions that were voted on": str(len(stage.curve)),
        "Mean approval (-1 to 1)": f"{sum(stage.curve) / len(stage.curve):.2f}" if stage.curve else "none",
        "Agreement now (Krippendorff's alpha)": "not defined" if agreement is None else f"{agreement:.2f}",
        "What votes are worth, best first (informedness)": ", ".join(f"{one:.2f}" for one in worth) or "none",
        "Lessons that the agents learned": str(teaching.live.n_learned if teaching.live is not None else 0),
        "Who listened": teaching.listener,
    }
    right = stage.riddles.share_right()
    if right is not None:
        facts["Share of right guesses"] = f"{right:.0%}"
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts.items())
    answers = "".join(
        f"<li>{escape(', '.join(f'{answer} {count}' for answer, count in one.items()))}</li>"
        for one in stage.pairs.counts() + stage.riddles.counts()
    )
    data = (
        "<p>The data set: <code>aira data export FOLDER</code> writes every signal with its session, step, agent and "
        "the random number of who gave it; the session above is its provenance. <code>aira data forget NUMBER</code> "
        "deletes somebody's part of it.</p>"
    )
    return f"{HEAD}<h1>What the class did</h1><table>{rows}</table><ol>{answers}</ol>{data}"
