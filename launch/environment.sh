# Read by local.sh and test.sh, at the root of the checkout: makes .venv, or brings it up to date, and
# sets the allocator.

installed=.venv/installed-by-launch # what is in .venv; written last, so never after a failure
unfinished=.venv-unfinished         # there while an installation runs; holds its process number

fail() { # SENTENCE; only ever before this launch has written to .venv
    printf '%s\n' "$1" >&2
    [ "$(cat "$unfinished" 2>/dev/null || :)" != $$ ] || rm -f "$unfinished"
    exit 1
}

is_recent() { # PYTHON: it runs, and is 3.11 or newer (a version manager's stub may do neither)
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() { # sets $python
    if [ -n "${PYTHON:-}" ]; then
        is_recent "$PYTHON" ||
            fail "PYTHON must name a Python 3.11 or newer, but '$PYTHON' is not one or does not run: set it to another one, or unset it."
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11 python
    fi
    bare=
    for python in "$@"; do
        is_recent "$python" || continue
        "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
        bare=$python
    done
    [ -z "$bare" ] ||
        fail "Making .venv needs Python's venv and ensurepip modules, which '$bare' lacks: install them (on Debian and Ubuntu the package python3-venv), or name another Python with PYTHON=."
    fail "Python 3.11 or newer is needed, and none was found among $*: install one, or name it with PYTHON=/path/to/python."
}

claim_installation() { # two launches at once must not write to one .venv
    tries=5
    said=
    while ! (set -C && echo $$ >"$unfinished") 2>/dev/null; do
        other=$(cat "$unfinished" 2>/dev/null || :)
        if [ -n "$other" ] && kill -0 "$other" 2>/dev/null; then
            [ -n "$said" ] || echo "Waiting for the installation that process $other has under way ..."
            said=yes
            sleep 1
            continue
        fi
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] ||
            fail "The file $(pwd)/$unfinished could not be written: make its folder writable, free space on its disk, or remove the file, and run this again."
        if [ -n "$other" ]; then
            # Half-written packages are not always noticed by pip, so it starts from nothing.
            echo "The last installation into .venv did not finish: starting it again."
            rm -rf .venv
            rm -f "$unfinished"
        else
            sleep 1 # another launch is just making or removing it
        fi
    done
}

is_installed() { # EXTRAS; demo,test includes demo, and so on
    [ -f "$installed" ] && .venv/bin/python -c 'import pip' >/dev/null 2>&1 || return 1
    case $(cat "$installed") in
        "$wanted $1" | "$wanted $1,"*) ;;
        *) return 1 ;;
    esac
}

install_package() { # EXTRAS
    if ! .venv/bin/python -c '' >/dev/null 2>&1; then
        find_python
        echo "Making .venv with $("$python" --version) ..."
        "$python" -m venv --clear .venv
    fi
    is_recent .venv/bin/python ||
        fail "The environment in .venv must have Python 3.11 or newer and has $(.venv/bin/python --version): remove the folder .venv and run this again."
    .venv/bin/python -c 'import pip' >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    echo "Installing cu-jax[$1] and what it needs into .venv: about 310 MB to download and 1.4 GB on disk, a minute or more ..."
    quiet=--quiet
    if [ -t 1 ]; then quiet=; fi
    set -- "$1" .venv/bin/python -m pip install --disable-pip-version-check $quiet -c launch/constraints.txt
    extras=$1
    shift
    # The build tool is pinned like the rest: installed first, and used in place of one pip would fetch.
    "$@" setuptools
    "$@" --no-build-isolation --editable ".[$extras]"
    echo "$wanted $extras" >"$installed"
    echo "Installed."
}

prepare_environment() { # EXTRAS
    # Whatever changes the installation: this folder, the requirements, the pinned versions.
    wanted=$({ pwd; cat pyproject.toml launch/constraints.txt; } | cksum)
    if [ ! -e "$unfinished" ] && is_installed "$1"; then return; fi
    claim_installation
    if ! is_installed "$1"; then
        rm -f "$installed"
        install_package "$1"
    fi
    rm -f "$unfinished"
}

# The buffers of a step are those of the next: glibc's allocator keeps them instead of giving them
# back to the system, which saves about a sixth of the time on a CPU.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-2000000000}"
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-4000000000}"
