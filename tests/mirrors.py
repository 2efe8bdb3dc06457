"""Servers on this machine that answer as they are told."""

import contextlib
import http.server
import threading


@contextlib.contextmanager
def mirror(respond):
    """A server on this machine whose answer to a GET is what `respond` does with the request's handler."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            asked.append(self.path)
            with contextlib.suppress(ConnectionError):
                respond(self)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()


def send(handler, content, *, status=200, length=None, **headers):
    handler.send_response(status)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def from_folder(folder, change=lambda path, content: content):
    """Answers with the folder's files, as `change` leaves them; 404 for what it lacks."""

    def respond(handler):
        file = folder / handler.path[1:]
        if not file.exists():
            return send(handler, b"", status=404)
        content = change(handler.path, file.read_bytes())
        return send(handler, content, length=len(content))

    return respond
