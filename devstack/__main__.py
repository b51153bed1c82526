"""What dev.py hands over to once the dependencies are there: up, test, check, screenshots, run."""

import sys

from devstack import StackError


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; what the person can mend is one sentence on stderr."""
    name, rest = arguments[0], arguments[1:]
    try:
        if name == "up":
            from devstack.up import up

            if rest:
                raise StackError(f"up does not know {rest[0]}: what can be set goes into the environment.")
            return up()
        if name == "check":
            from devstack.check import check

            return check(rest)
        if name == "screenshots":
            from devstack.screenshots import screenshots

            return screenshots()
        from devstack.in_front import run, test

        return run(rest) if name == "run" else test(rest)
    except StackError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        print(f"{error.strerror or error}{place}: mend that and start again.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
