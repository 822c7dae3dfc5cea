"""`drive completion bash`, `zsh`: what a shell offers after the tabulator key."""

from __future__ import annotations

import argparse

from drive.baselines import BASELINES

HELP = "print a completion script: source <(drive completion bash)"

SCRIPT = """\
_drive() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} known=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{verbs} --help --version" -- "$word"))
        return
    fi
    case "${{COMP_WORDS[1]}} $before" in
{values}
    esac
    if [ -z "$known" ] && [ "${{word#-}}" != "$word" ]; then
        case "${{COMP_WORDS[1]}}" in
{options}
        esac
    fi
    [ -z "$known" ] || COMPREPLY=($(compgen -W "$known" -- "$word"))
}}
complete -o default -F _drive drive
"""


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("shell", choices=("bash", "zsh"))


def run(args: argparse.Namespace) -> int:
    """`drive completion bash`: the shell's own completion of file names stays where nothing of ours fits."""
    head = "autoload -U +X bashcompinit && bashcompinit\n" if args.shell == "zsh" else ""
    print(head + script(), end="")
    return 0


def script() -> str:
    """The completion of every verb, option, and option with a choice of values."""
    from drive.cli import VERBS, make_parser
    from drive.cli.parser import Parser

    (verbs,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    options, values = [], []
    for name, verb in verbs.choices.items():
        assert isinstance(verb, Parser)
        options.append(f'        {name}) known="{" ".join(verb.options)}" ;;')
        for action in verb._actions:
            known = _values(action)
            for option in action.option_strings or ([name] if known else []):
                values += [f'        "{name} {option}") known="{" ".join(known)}" ;;'] if known else []
    return SCRIPT.format(verbs=" ".join(VERBS), options="\n".join(options), values="\n".join(values))


def _values(action: argparse.Action) -> list[str]:
    from drive.shipped import checkpoint_names, config_names

    if action.choices:
        return [str(choice) for choice in action.choices]
    if action.dest == "planner":
        return [*checkpoint_names(), *BASELINES, "log", "expert", "lane-follower"]
    return config_names() if action.dest == "config" else []
