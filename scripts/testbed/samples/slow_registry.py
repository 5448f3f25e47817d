"""A front of the registry that is slow, so that a pull lasts: listens on 127.0.0.1:5001, passes on to :5000.

Bytes per second to each client: the number in /run/testbed-slow-rate, else 1 MiB. 0 holds everything until it is raised.
"""
import socket
import threading
import time

RATE_FILE = "/run/testbed-slow-rate"


def rate():
    try:
        with open(RATE_FILE) as f:
            return int(f.read())
    except (OSError, ValueError):
        return 1 << 20


def pump(source, sink, slow):
    try:
        while data := source.recv(16384):
            while slow and rate() <= 0:
                time.sleep(0.05)
            sink.sendall(data)
            # the first few kilobytes are manifests: they may pass at once
            if slow and len(data) > 4096:
                time.sleep(len(data) / max(rate(), 1))
    except OSError:
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    listener = socket.create_server(("127.0.0.1", 5001))
    while True:
        client, _ = listener.accept()
        try:
            registry = socket.create_connection(("127.0.0.1", 5000))
        except OSError:
            client.close()
            continue
        threading.Thread(target=pump, args=(client, registry, False), daemon=True).start()
        threading.Thread(target=pump, args=(registry, client, True), daemon=True).start()


main()
