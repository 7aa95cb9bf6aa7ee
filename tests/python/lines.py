"""Commands and answers as lines of JSON, between a script and the test that runs it.

The package prints to standard output. The answers must not mix with that, so they keep the original
descriptor, and everything else that is printed goes to standard error.
"""

import json
import os
import sys

_answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
sys.stdout = sys.stderr


def say(**answer):
    """Writes one line."""
    _answers.write(json.dumps(answer) + "\n")
    _answers.flush()


def serve(actions):
    """Does what the lines on standard input say, and answers each with one line, until they end.

    A command is `{"do": <name of an action>, ...}`, the rest being the action's arguments. An action answers with
    a dict, or with None for `{}`; or it is a generator of dicts, each of which is said when it comes.
    """
    for line in sys.stdin:
        arguments = json.loads(line)
        action = actions[arguments.pop("do")]
        try:
            answer = action(**arguments)
            if hasattr(answer, "__next__"):
                for part in answer:
                    say(**part)
            else:
                say(**(answer or {}))
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}")
