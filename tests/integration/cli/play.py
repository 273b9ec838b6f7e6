# SPDX-License-Identifier: Apache-2.0
"""Play the other side of a terminal, by a script on standard input.

play.py own PROGRAM ARGUMENT...      the program runs on a terminal that we hold
play.py console PROGRAM ARGUMENT...  "run WORDS" runs it with more arguments, where @ is the path of
                                     a socket; "receive" takes the terminal that comes there

size R C        set the size            send TEXT      type a line       send-raw HEX   type bytes
expect TEXT     wait for it             logged TEXT    wait for a line in the supervisor's log
raw, cooked     is it?                  end CODE       wait for the end of the program
"""
import array
import fcntl
import os
import pty
import select
import shlex
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

DEADLINE_S = 10
seen = b""


def until(check, what):
    end = time.monotonic() + DEADLINE_S
    while not check():
        assert time.monotonic() < end, f"{what}: not within {DEADLINE_S} s; seen: {seen!r}"


def read_more(master):
    global seen
    if select.select([master], [], [], 0.05)[0]:
        try:
            seen += os.read(master, 65536)
        except OSError:  # nobody has the other end
            pass


def expect(master, text):
    global seen
    until(lambda: text in seen or read_more(master), f"expect {text!r}")
    seen = seen[seen.index(text) + len(text):]


def logged(text):
    until(lambda: text in open("/run/vc/sbs/c1/proxy.log").read()
          or select.select([], [], [], 0.05)[1], f"logged {text!r}")


def is_raw(fd):
    return not termios.tcgetattr(fd)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)


def main():
    mode, command = sys.argv[1], sys.argv[2:]
    master = slave = program = None
    directory = tempfile.TemporaryDirectory()
    path = directory.name + "/console.sock"
    if mode == "own":
        master, slave = pty.openpty()
        program = subprocess.Popen(["setsid", "--ctty"] + command, stdin=slave, stdout=slave,
                                   stderr=slave)
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        listener.settimeout(DEADLINE_S)
    for line in sys.stdin:
        verb, _, rest = line.strip().partition(" ")
        if verb == "size":
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", *map(int, rest.split()), 0, 0))
        elif verb == "send":
            os.write(master, rest.encode() + b"\r")
        elif verb == "send-raw":
            os.write(master, bytes.fromhex(rest))
        elif verb == "expect":
            expect(master, rest.encode())
        elif verb == "logged":
            logged(rest)
        elif verb in ("raw", "cooked"):
            until(lambda: is_raw(slave) == (verb == "raw"), verb)
        elif verb == "end":
            until(lambda: program.poll() is not None or read_more(master), "end")
            assert program.returncode == int(rest), program.returncode
        elif verb == "run":
            words = [path if w == "@" else w for w in shlex.split(rest)]
            subprocess.run(command + words, check=True, timeout=DEADLINE_S,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        elif verb == "receive":
            peer, _ = listener.accept()
            fds = array.array("i")
            name, ancillary, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4))
            fds.frombytes(ancillary[0][2])
            master = fds[0]
            assert name.startswith(b"/dev/pts/"), name
        else:
            raise ValueError(line)


main()
