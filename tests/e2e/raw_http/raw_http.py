#!/usr/bin/python3
"""First checks; see the README."""
import http.client
import subprocess
import sys

server = subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
port = int(server.stdout.readline())
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
connection.request("GET", "/")
answer = connection.getresponse()
ok = answer.status == 200 and answer.read() == b"hello\n"
connection.close()
server.terminate()
print("1..2")
print("ok 1 - hello" if ok else "not ok 1 - hello")
print("ok 2 - stops" if server.wait(20) == 0 else "not ok 2 - stops")
