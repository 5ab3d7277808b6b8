// The reference tus server on its file store, with nothing else: node tusnode.js PORT DIRECTORY
const http = require('node:http')
const { Server } = require('@tus/server')
const { FileStore } = require('@tus/file-store')

const [port, directory] = process.argv.slice(2)
const tus = new Server({ path: '/files', datastore: new FileStore({ directory }) })
http.createServer((req, res) => tus.handle(req, res)).listen(Number(port), '127.0.0.1')
