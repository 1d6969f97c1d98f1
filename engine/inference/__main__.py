"""`python -m engine.inference FOLDER`: reads requests from stdin and answers on stdout until stdin ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TextIO

from engine.inference.messages import Answer, RankRequest, Refusal, Request, Stage, WhyRequest, from_line, to_line

if TYPE_CHECKING:
    from engine.inference.session import ModelSession


def main(folder: str) -> None:
    """Answer one request after the other; of rankings that wait, only the newest, for who edits wants no other.

    A thread reads: when stdin ends, because the workbench did in whatever way, the process ends in the midst of its
    work. It only reads the workspace, so nothing is lost.
    """
    answers = _private_stdout()
    waiting: SimpleQueue[Request] = SimpleQueue()
    Thread(target=_listen, args=(sys.stdin, waiting), daemon=True).start()
    _say(answers, Stage(0, "loading libraries", 0, 0))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when the library of torch's threads is loaded
    from engine.inference.session import ModelSession
    from store.workspace import Workspace

    session = ModelSession(Workspace(Path(folder)))
    while True:
        for request in _newest(waiting):
            _say(answers, _answered(session, request, answers))


def _answered(session: ModelSession, request: Request, answers: TextIO) -> Answer:
    from store.errors import Problem

    def progress(stage: str, done: int, total: int) -> None:
        _say(answers, Stage(request.id, stage, done, total))

    try:
        return session.answer(request, progress)
    except Problem as problem:
        return Refusal(request.id, str(problem))
    except MemoryError:
        return Refusal(request.id, "There is not enough memory for this model and its catalogue.")
    except Exception as error:  # whatever a damaged file makes a library raise: the next request may be fine
        return Refusal(request.id, f"{type(error).__name__}: {error}")


def _newest(waiting: SimpleQueue[Request]) -> Iterable[Request]:
    """All requests that wait (at least one), without the rankings that a later one makes useless."""
    requests = [waiting.get()]
    while not waiting.empty():
        requests.append(waiting.get())
    last = max((place for place, request in enumerate(requests) if isinstance(request, RankRequest)), default=-1)
    return [r for place, r in enumerate(requests) if place == last or not isinstance(r, RankRequest)]


def _listen(requests: TextIO, waiting: SimpleQueue[Request]) -> None:
    for line in requests:
        message = from_line(line)
        assert isinstance(message, RankRequest | WhyRequest)
        waiting.put(message)
    os._exit(0)


def _say(answers: TextIO, answer: Answer) -> None:
    try:
        answers.write(to_line(answer))
        answers.flush()
    except BrokenPipeError:
        os._exit(0)


def _private_stdout() -> TextIO:
    """The pipe to the workbench, which from now on nothing else can write to: what libraries print goes to stderr."""
    sys.stdout.flush()
    private = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return private


if __name__ == "__main__":
    main(sys.argv[1])
