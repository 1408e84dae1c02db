"""Writes down of each request which route it serves, in every reading of the path, and what arrived."""
import json
import posixpath
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ROUTES = json.load(open(sys.argv[1]))  # Like ["GET /customers/:id"].
SERVED = open(sys.argv[2], 'a')
WRITING = threading.Lock()


def route(method, segments, fold=lambda text: text):
    """The most specific route. A literal beats a parameter."""
    best = None
    for name in ROUTES:
        wanted, template = name.split(' ')
        pattern = template[1:].split('/')
        if wanted != ('GET' if method == 'HEAD' else method) or len(pattern) != len(segments):
            continue
        if all(p[0:1] == ':' and s != '' or fold(p) == fold(s) for p, s in zip(pattern, segments)):
            rank = [p[0:1] == ':' for p in pattern]
            if best is None or rank < best[0]:
                best = (rank, name)
    return best and best[1]


def plain(path):
    return path[1:].split('/')


def decoded(path):
    return [unquote(each) for each in plain(path)]


def readings(method, target):
    """What servers make of a target: raw, decoded, normalised, without parameters, in any case."""
    path = re.split('[?#]', re.sub('^[a-z]+://[^/]*', '', target))[0]
    whole = unquote(path)
    twice = unquote(whole)
    normal = lambda text: posixpath.normpath(text.replace('\\', '/')) + ('/' if text[1:].endswith('/') else '')
    bare = lambda text: re.sub(';[^/]*', '', text)
    single = lambda text: re.sub('/+', '/', text)
    return {
        'raw': route(method, plain(path)),
        'decoded': route(method, decoded(path)),
        'urlsplit': route(method, decoded(urlsplit(target).path)),
        'decoded before splitting': route(method, plain(whole)),
        'decoded twice': route(method, plain(twice)),
        'normalised': route(method, plain(normal(path))),
        'decoded and normalised': route(method, plain(normal(whole))),
        'decoded twice and normalised': route(method, plain(normal(twice))),
        'without parameters': route(method, decoded(bare(path))),
        'decoded, without parameters': route(method, plain(bare(whole))),
        'without empty segments': route(method, decoded(single(path))),
        'cut at a null': route(method, plain(whole.split('\0')[0])),
        'in any case': route(method, decoded(path), str.lower),
    }


class Service(BaseHTTPRequestHandler):
    def serve(self):
        length = int(self.headers.get('Content-Length') or 0)
        self.rfile.read(length)
        served = json.dumps({
            'method': self.command,
            'target': self.path,
            'readings': readings(self.command, self.path),
            'headers': self.headers.items(),
        })
        # Before the answer, so that a caller with the answer finds the line.
        with WRITING:
            print(served, file=SERVED, flush=True)
        body = b'served'
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def __getattr__(self, name):
        if name.startswith('do_'):
            return self.serve
        raise AttributeError(name)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(('127.0.0.1', 0), Service)
server.request_queue_size = 128
print(server.server_address[1], flush=True)
server.serve_forever()
