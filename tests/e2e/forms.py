"""Bodies of multipart/form-data, as browsers write them."""


def escape(name):
    """What HTML does to a name (4.10.22.8)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").encode()


def field(name, value):
    return (b'Content-Disposition: form-data; name="' + escape(name) + b'"', value.encode())


def file(filename, content, name="file", kind="application/octet-stream"):
    return (b'Content-Disposition: form-data; name="' + escape(name) + b'"; filename="' + escape(filename)
            + b'"\r\nContent-Type: ' + kind.encode(), content)


BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
TYPE = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY.decode()}


def body(*parts, end=True):
    out = b"".join(b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return out + (b"--" + BOUNDARY + b"--\r\n" if end else b"")
