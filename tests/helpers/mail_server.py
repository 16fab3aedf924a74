"""An SMTP server on loopback, which can refuse recipients, refuse messages, or hang up."""

from __future__ import annotations

import socketserver
import threading


class MailServer:
    """Listens while it is entered; `messages` are what was taken, as they came.

    `fault` is "" or one of: `recipient` (550 to RCPT), `data` (554 after the message), `gone`
    (the message is read, then the line goes dead).
    """

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.recipients: list[str] = []
        self.fault = ""
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                self.say("220 test")
                while line := self.rfile.readline().decode("utf-8", "replace").strip():
                    word = line[:4].upper()
                    if word == "QUIT":
                        return self.say("221 bye")
                    if word == "RCPT" and outer.fault == "recipient":
                        self.say("550 nobody")
                    elif word == "DATA":
                        if not self.take():
                            return None
                    else:
                        if word == "RCPT":
                            outer.recipients.append(line)
                        self.say("250 ok")
                return None

            def take(self) -> bool:
                self.say("354 go on")
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.decode("utf-8", "replace"))
                outer.messages.append("".join(lines))
                if outer.fault == "gone":
                    return False
                self.say("554 spam" if outer.fault == "data" else "250 taken")
                return True

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> MailServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
