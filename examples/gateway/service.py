"""A service without any library. Only the proxy reaches it, and the proxy has asked the gateway."""
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

CUSTOMERS = {('t1', 'c1'): 'Ada Lovelace', ('t2', 'c2'): 'Grace Hopper'}


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        # The tenant that was decided. Do not read it from the path again.
        tenant = unquote(self.headers.get('X-Twinkey-Tenant', ''))
        caller = unquote(self.headers.get('X-Twinkey-Name', ''))
        segments = [unquote(each) for each in urlsplit(self.path).path.split('/')]
        if segments == ['', 'health']:
            return self.answer(200, {'ok': True})
        if len(segments) == 4:
            return self.answer(200, {
                'caller': caller,
                'customers': [name for (owner, _), name in CUSTOMERS.items() if owner == tenant],
            })
        name = CUSTOMERS.get((tenant, segments[-1]))
        return self.answer(404 if name is None else 200, {'caller': caller, 'customer': name})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(('127.0.0.1', int(os.environ.get('PORT', '4000'))), Service)
print(server.server_address[1], flush=True)
server.serve_forever()
