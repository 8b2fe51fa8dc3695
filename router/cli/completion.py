"""Owns: `router completion`: the scripts that make shells complete.
Imports: click.
Never: touches a shell's own files.
"""

from __future__ import annotations

import click
from click.shell_completion import FishComplete, ShellComplete, ZshComplete

#: as click's own, but a word holds its colons and equals signs (`channel:shop`, `shop.get=`), and
#: what has blanks in it is quoted
BASH = r"""_router_completion() {
    local IFS=$' \t\n' typed=${COMP_LINE:0:COMP_POINT} kind value last
    local -a words=($typed)
    [[ $typed == *[[:blank:]] ]] && words+=("")
    last=${words[-1]}
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ $value == *[[:blank:]]* ]] && printf -v value %q "$value"
                # the shell replaces what stands behind the last : or =
                [[ $last == *[:=]* ]] && value=${value#"${last%"${last##*[:=]}"}"}
                [[ $value == *= ]] && compopt -o nospace
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \
        _ROUTER_COMPLETE=bash_complete router 2>/dev/null)
}
complete -o nosort -F _router_completion router
"""
USE = """\b
bash:  source <(router completion bash)
zsh:   source <(router completion zsh)
fish:  router completion fish | source"""
_CLICKS: dict[str, type[ShellComplete]] = {"zsh": ZshComplete, "fish": FishComplete}


@click.command("completion", epilog=USE)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a SHELL complete commands, options and the names of the project."""
    if shell == "bash":
        click.echo(BASH, nl=False)
        return
    root = context.find_root().command
    click.echo(_CLICKS[shell](root, {}, "router", "_ROUTER_COMPLETE").source(), nl=False)
