"""A mail server for the tests: takes every letter (RFC 5321) and keeps what it says as text in a directory."""

import email
import email.policy
import itertools
import pathlib
import socketserver
import threading

PLAIN = {b"MAIL": b"250 2.1.0 Ok", b"RCPT": b"250 2.1.5 Ok", b"RSET": b"250 2.0.0 Ok", b"NOOP": b"250 2.0.0 Ok"}


class Conversation(socketserver.StreamRequestHandler):
    timeout = 60

    def say(self, line):
        self.wfile.write(line + b"\r\n")

    def handle(self):
        self.say(b"220 mailbox.example ESMTP")
        for line in self.rfile:
            verb = line.strip().split(b" ")[0].split(b":")[0].upper()
            if verb == b"EHLO":
                self.say(b"250-mailbox.example")
                self.say(b"250 8BITMIME")
            elif verb == b"DATA":
                self.say(b"354 Go ahead")
                self.server.keep(self.letter())
                self.say(b"250 2.0.0 Ok: kept")
            elif verb == b"QUIT":
                self.say(b"221 2.0.0 Bye")
                return
            else:
                self.say(PLAIN.get(verb, b"502 5.5.1 Not known here"))

    def letter(self):
        """Up to the line that is a single dot; a dot that was doubled in front of a line is one again."""
        lines = itertools.takewhile(lambda line: line.rstrip(b"\r\n") != b".", self.rfile)
        return b"".join(line[1:] if line.startswith(b".") else line for line in lines)


class Mailbox(socketserver.ThreadingTCPServer):
    """Letters lie in `directory` as `1.txt`, `2.txt` and so on: whom it is for, the subject, an empty line, the text."""

    daemon_threads = True

    def __init__(self, directory):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.numbers = itertools.count(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.server_address[1]}?tls=off"

    def keep(self, letter):
        message = email.message_from_bytes(letter, policy=email.policy.default)
        name = self.directory / f"{next(self.numbers)}.txt"
        # Whoever waits for it finds it whole or not at all.
        unfinished = name.with_suffix(".part")
        unfinished.write_text(f"{message['To']}\n{message['Subject']}\n\n{message.get_content()}")
        unfinished.rename(name)
