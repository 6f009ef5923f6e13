"""A publisher's site on this machine: pages shaped as NHS England's are, and everything that goes wrong.

Their structure is what other public programs that read these sites rely on (no test can reach the sites): the landing
page of a statistical work area links to a page a financial year, whose links to files stand under headings and lead to
`/statistics/wp-content/uploads/sites/2/yyyy/mm/`.
"""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

AREA = "/statistics/statistical-work-areas/ae-waiting-times-and-activity/"
UPLOADS = "/statistics/wp-content/uploads/sites/2"
YEAR = AREA + "ae-attendances-and-emergency-admissions-{}/"

WORDPRESS = """\
<!DOCTYPE html><html lang="en-GB"><head><title>Statistics</title></head><body>
<nav><ul><li><a href="/statistics/">Home</a></li><li><a href="mailto:a@example.org">Contact</a></li>
<li><a href="http://[broken/">Broken</a></li></ul></nav>
<main><article class="rich-text"><h1>A&amp;E Attendances</h1>{}</article></main>
<footer><a href="https://www.nationalarchives.gov.uk/doc/open-government-licence/">Licence</a></footer></body></html>"""


@dataclass
class Answer:
    """One response: `announced` is the Content-Length where it is not the body's; `after` is waited for half way."""

    body: bytes = b""
    status: int = 200
    kind: str = "text/csv"
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    after: threading.Event | None = None


class Publisher:
    """The site: what it answers by path, in turn and the last again and again, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.at_once, self.most_at_once = 0, 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.at_once += 1
                site.most_at_once = max(site.most_at_once, site.at_once)
                try:
                    site.answer(self)
                finally:
                    site.at_once -= 1

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client that goes away, as those do that refuse an answer."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def put(self, path: str, *answers: Answer) -> str:
        """Say what a path answers; return its address."""
        self.answers[path] = list(answers)
        return self.url + path

    def page(self, path: str, content: str, **how) -> str:
        return self.put(path, Answer(WORDPRESS.format(content).encode(), kind="text/html; charset=UTF-8", **how))

    def file(self, name: str, content: bytes, folder: str = "2024/05", **how) -> str:
        return self.put(f"{UPLOADS}/{folder}/{name}", Answer(content, **how))

    def answer(self, request) -> None:
        path = request.path
        self.asked.append(path)
        self.headers.append(dict(request.headers))
        waiting = self.answers.get(path, [Answer(b"gone", 404, "text/plain")])
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        request.send_response(answer.status)
        request.send_header("Content-Type", answer.kind)
        request.send_header("Content-Length", str(len(answer.body) if answer.announced is None else answer.announced))
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.end_headers()
        half = len(answer.body) // 2
        try:
            request.wfile.write(answer.body[:half])
            request.wfile.flush()
            if answer.after:
                answer.after.wait(20)
            request.wfile.write(answer.body[half:])
        except OSError:  # the client has gone, as it should
            request.close_connection = True
        if answer.announced is not None:
            request.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
