"""A mail server that sends nothing on: it runs a command, and shows the mails that came meanwhile.

    python mailbox.py skydag run report.dig ...         the command gets `-p smtp_port=<where it listens>`
"""

import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy


class Conversation(socketserver.StreamRequestHandler):
    """The little of SMTP that a client without login and TLS speaks."""

    def handle(self):
        self.say("220 mailbox")
        while line := self.rfile.readline().decode().strip():
            command = line[:4].upper()
            if command == "DATA":
                self.say("354 go on")
                self.server.mails.append(self.mail())
            self.say("221 bye" if command == "QUIT" else "250 fine")
            if command == "QUIT":
                return

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

    def mail(self):
        lines = []
        while (line := self.rfile.readline()).rstrip(b"\r\n") != b".":
            lines.append(line.removeprefix(b"."))           # a leading dot was doubled
        return message_from_bytes(b"".join(lines), policy=policy.default)


@contextmanager
def opened():
    """A server on a free port: `server_address[1]`; what came is in `mails`."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads, server.mails = True, []
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def shown(mail):
    files = ", ".join(part.get_filename() for part in mail.iter_attachments())
    return f"To: {mail['To']}\nSubject: {mail['Subject']}\nAttached: {files}\n{mail.get_body().get_content().strip()}"


if __name__ == "__main__":
    with opened() as server:
        code = subprocess.run([*sys.argv[1:], "-p", f"smtp_port={server.server_address[1]}"], check=False).returncode
    for mail in server.mails:
        print(shown(mail))
    sys.exit(code)
