# What cap runs on a host: sh -c THIS cap USER GROUP look|change|key|run ARGUMENT...
# Fixed text for dash, bash and busybox. Paths come as arguments; contents come on stdin and nowhere else.
set -u
umask 077
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
user=$1 group=$2 task=$3
shift 3

fail() {
    printf 'cannot %s\n' "$1" >&2
    exit 3
}

# Makes a change in the directory of $1 durable. Tools that cannot sync one file sync all.
settle() {
    case $1 in
    */*) at=${1%/*} ;;
    *) at=. ;;
    esac
    sync "${at:-/}" 2>/dev/null || sync
}

# As root: fails unless root alone can change what the names on the way to the directory $1 stand for. Names are all that
# a shell has to work with, and whoever may write there could put a link in place of one. A directory like /tmp, where
# nobody takes away what is another's, is good enough above one that is there already.
trust() {
    [ "$(id -u)" -eq 0 ] || return 0
    at= rest=${1#/}
    while :; do
        shared=
        case $(stat -c '%u %A' "${at:-/}") in
        0\ d????-??-*) ;;
        0\ d????????[tT]*) shared=1 ;;
        *\ l*) fail "work in $1 as root: $at is a symbolic link; name the place that it points to" ;;
        *\ d*) shared=1 && break ;;
        *) return 0 ;;
        esac
        [ -n "$rest" ] || break
        next=$at/${rest%%/*}
        [ -e "$next" ] || [ -h "$next" ] || break
        at=$next
        case $rest in
        */*) rest=${rest#*/} ;;
        *) rest= ;;
        esac
    done
    [ -z "$shared" ] || fail "work in $1 as root: others than root can write to ${at:-/}"
}

own() {
    [ -z "$user" ] || chown -h "$user" "$1" || return 1
    [ -z "$group" ] || chgrp -h "$group" "$1"
}

# A directory stays with whoever makes it: an owner could put links in place of the names that are worked with next.
make() {
    mkdir "$1" || return 1
    [ -z "$group" ] || chgrp -h "$group" "$1" || return 1
    chmod "$2" "$1" && settle "$1"
}

make_all() {
    rest=${1#/} made=
    while [ -n "$rest" ]; do
        made=$made/${rest%%/*}
        case $rest in
        */*) rest=${rest#*/} ;;
        *) rest= ;;
        esac
        [ -d "$made" ] || make "$made" "$2" || return 1
    done
}

# The file is private until owner and mode are set, and both are set before there is anything in it to read.
# One byte at a time: whatever reads ahead would take the next file's content.
put() {
    (set -C && : >"$1") && own "$1" && chmod "$2" "$1" || return 1
    said=$(dd bs=1 count="$3" 2>&1 >>"$1") || {
        printf '%s\n' "$said" >&2
        return 1
    }
    [ "$(wc -c <"$1")" -eq "$3" ] || return 1
    sync "$1" 2>/dev/null || sync
    settle "$1"
}

# Two names of one file: renaming one over the other would do nothing, or fail.
move() {
    if [ "$1" -ef "$2" ]; then
        rm -f "$1"
    else
        mv -f -T "$1" "$2"
    fi && settle "$2"
}

point() {
    rm -f "$2.cap-link" && ln -s "$1" "$2.cap-link" && move "$2.cap-link" "$2"
}

keep() {
    [ -e "$2" ] || [ -h "$2" ] || ln "$1" "$2" && settle "$2"
}

# Removals are made durable together at the end: one that comes back after a crash is removed again.
change() {
    removed=
    while [ $# -gt 0 ]; do
        case $1 in
        directory) make_all "$2" "$3" || fail "make the directory $2"; shift 3 ;;
        new-directory) make "$2" "$3" || fail "make the directory $2"; shift 3 ;;
        write) put "$2" "$3" "$4" || fail "write $2"; shift 4 ;;
        rename) move "$2" "$3" || fail "rename a file to $3"; shift 3 ;;
        link) point "$2" "$3" || fail "switch the link $3"; shift 3 ;;
        keep) keep "$2" "$3" || fail "keep a second name of $2"; shift 3 ;;
        remove) rm -f "$2" || fail "remove $2"; removed=$2; shift 2 ;;
        remove-directory) rmdir "$2" 2>/dev/null; shift 2 ;;
        *) fail "understand $1" ;;
        esac
    done
    [ ! -d "${removed%/*}" ] || settle "$removed"
}

# A path that cannot be looked at is a fault, and never absent.
look() {
    while [ $# -gt 0 ]; do
        [ "$2" != names ] || trust "$1"
        if [ -h "$1" ]; then
            printf 'link %s\n' "$(readlink "$1")"
        elif [ ! -e "$1" ]; then
            said=$(ls -d "$1" 2>&1) || case $said in
            *"o such file or directory" | *"ot a directory") ;;
            *) fail "look at $1: ${said##*: }" ;;
            esac
            echo absent
        elif [ -f "$1" ]; then
            printf 'file %s\n' "$(stat -c '%a %u %g %U %G' "$1")" || fail "look at $1"
            look_into "$1" "$2"
        elif [ -d "$1" ]; then
            printf 'directory %s\n' "$(stat -c '%a %u %g %U %G' "$1")" || fail "look at $1"
            [ "$2" != names ] || ls -1A "$1" | sed 's/^/name /'
        else
            echo other
        fi
        shift 2
    done
    echo end
}

look_into() {
    case $2 in
    digest)
        command -v sha256sum >/dev/null || return 0
        sum=$(sha256sum <"$1") || fail "read $1"
        printf 'digest %s\n' "${sum%% *}"
        ;;
    content)
        [ -r "$1" ] || fail "read $1: Permission denied"
        printf 'content %s\n' "$(wc -c <"$1" | tr -d ' ')"
        cat "$1" || fail "read $1"
        echo
        ;;
    esac
}

# The public half of a private key; the key itself stays here. Silent where there is no openssl.
key() {
    command -v openssl >/dev/null || exit 0
    openssl pkey -in "$1" -pubout 2>/dev/null || echo unusable
}

# Words are words: nothing is expanded. The limit is kept here as well, so that nothing outlives the connection.
run() {
    cd / && exec </dev/null 2>&1
    limit=$1
    shift
    set -- env -i "PATH=$PATH" LANG=C.UTF-8 "$@"
    if command -v timeout >/dev/null; then
        # A command that will not end is killed; not every timeout can do that.
        if timeout -k 1 1 true 2>/dev/null; then
            set -- timeout -k 2 "$limit" "$@"
        else
            set -- timeout "$limit" "$@"
        fi
    fi
    exec "$@"
}

"$task" "$@"
