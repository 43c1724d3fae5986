"""`seatrial keys`."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from cyclopts import App, Parameter

from seatrial.cli.options import Json
from seatrial.cli.output import print_json, print_lines

RoleOption = Annotated[
    Literal["release", "waiver", "sign-off"], Parameter(name="--role", help="What the key may sign.")
]

command = App(
    name="keys",
    help="""Make, show and export signing keys, by role.

    For example:

        seatrial keys new --role release
        seatrial keys export --role release >> trust.toml
    """,
)


@command.command
def new(*, role: RoleOption) -> int:
    """Make the key of a role, in SEATRIAL_HOME (~/.config/seatrial).

    For example:

        seatrial keys new --role waiver
    """
    from seatrial.releases.keys import new_key, seatrial_home

    key = new_key(seatrial_home(os.environ), role)
    print_lines(f"Made the {role} key {key.public.id[:12]}… in {key.path} (mode 0600), the only copy.")
    print_lines(
        f"Next: seatrial keys export --role {role}, and put what it prints into the trust.toml of those who deploy"
    )
    return 0


@command.command(name="list")
def list_(*, json: Json = False) -> int:
    """Show the keys of this account, and whether its own trust.toml trusts them.

    For example:

        seatrial keys list
    """
    from seatrial.releases.keys import ROLES, find_key, seatrial_home
    from seatrial.releases.trust import TRUST_FILE, Trust, load_trust

    home = seatrial_home(os.environ)
    trust = load_trust(home / TRUST_FILE) if (home / TRUST_FILE).is_file() else Trust()
    keys = [key for role in ROLES if (key := find_key(home, role)) is not None]
    if json:
        print_json(
            {
                "keys": [
                    {
                        "role": key.role,
                        "id": key.public.id,
                        "key": key.public.text,
                        "path": str(key.path),
                        "trusted": key.public in trust.for_role(key.role),
                    }
                    for key in keys
                ]
            }
        )
        return 0
    for key in keys:
        here = "trusted here" if key.public in trust.for_role(key.role) else "not trusted here"
        print_lines(f"{key.role:8}  {key.public.id[:12]}…  {here:16}  {key.path}")
    if keys:
        print_lines(f"Next: seatrial keys export --role {keys[0].role}")
    else:
        print_lines(f"No key in {home}.", "Next: seatrial keys new --role release")
    return 0


@command.command
def export(*, role: RoleOption = "release") -> int:
    """Print the public part, as the entry of a trust.toml.

    For example:

        seatrial keys export --role release >> trust.toml
    """
    from seatrial.releases.keys import require_key, seatrial_home
    from seatrial.releases.trust import as_trust_entry

    key = require_key(seatrial_home(os.environ), role)
    print(as_trust_entry(role, f"{role} key {key.public.id[:12]}", key.public), end="")  # noqa: T201  # lines of a file
    return 0
