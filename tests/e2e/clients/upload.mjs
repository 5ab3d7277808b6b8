// One upload by a program of somebody else, as JSON on standard input says; what happened as JSON on standard output.
// {client: "tus-js" | "uppy", endpoint, token, file, name, options, pauses, abandon}
//   options  of tus-js-client, as they are
//   pauses   how often to abort and resume, at random places
//   abandon  fraction after which to stop for good; the answer has the URL to go on with
// VT_NODE_MODULES is the folder with node_modules in it.
import { createRequire } from 'node:module'
import fs from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'

const require = createRequire(path.join(process.env.VT_NODE_MODULES, 'x.js'))
const job = JSON.parse(fs.readFileSync(0, 'utf8'))
const headers = job.token ? { Authorization: `Bearer ${job.token}` } : {}

function options(done, fail) {
  return {
    endpoint: job.endpoint,
    headers,
    retryDelays: [0, 50, 100, 500, 1000],
    metadata: { filename: job.name, filetype: 'application/x-test' },
    ...job.options,
    onSuccess: done,
    onError: fail,
  }
}

async function tusJs() {
  const tus = require('tus-js-client')
  const size = fs.statSync(job.file).size
  return new Promise((resolve, reject) => {
    let pauses = job.pauses || 0
    let wanted = Math.floor((size * Math.random()) / (pauses + 1))
    const seen = { statuses: [], url: null, aborted: 0 }
    // Of a file's own stream the length is known; through a pipe it is not.
    const source = job.buffer
      ? fs.readFileSync(job.file)
      : job.deferred
        ? fs.createReadStream(job.file).pipe(new PassThrough())
        : fs.createReadStream(job.file)
    const upload = new tus.Upload(source, {
      ...options(() => resolve({ ...seen, url: upload.url }), reject),
      onAfterResponse: (req, res) => seen.statuses.push(`${req.getMethod()} ${res.getStatus()}`),
      onProgress: (sent) => {
        if (job.abandon && sent >= size * job.abandon && upload.url) {
          upload.abort().then(() => resolve({ ...seen, url: upload.url, abandoned: true }), reject)
        } else if (pauses > 0 && sent > wanted && upload.url) {
          pauses -= 1
          seen.aborted += 1
          wanted = sent + Math.floor((size - sent) * Math.random())
          upload.abort().then(() => setTimeout(() => upload.start(), 10), reject)
        }
      },
    })
    upload.start()
  })
}

async function uppy() {
  const load = async (name) => (await import(pathToFileURL(require.resolve(name)).href)).default
  const [Uppy, Tus] = [await load('@uppy/core'), await load('@uppy/tus')]
  const tus = require('tus-js-client')
  // Uppy sets a property of the browser's request object, which the one of node does not have.
  class Stack extends tus.DefaultHttpStack {
    createRequest(method, url) {
      const request = super.createRequest(method, url)
      const own = request.getUnderlyingObject.bind(request)
      request.getUnderlyingObject = () => own() || {}
      return request
    }
  }
  const u = new Uppy({ autoProceed: false, allowMultipleUploadBatches: true })
  u.use(Tus, { endpoint: job.endpoint, headers, retryDelays: [0, 50, 100], limit: 4, httpStack: new Stack({}), ...job.options })
  for (const [i, file] of [job.file].flat().entries()) {
    const data = fs.readFileSync(file)
    u.addFile({ name: [job.name].flat()[i], type: 'application/x-test', data, meta: { relativePath: null } })
  }
  let paused = 0
  u.on('upload-progress', (file) => {
    if (paused < (job.pauses || 0)) {
      paused += 1
      u.pauseAll()
      setTimeout(() => u.resumeAll(), 20)
    }
  })
  const result = await u.upload()
  if (result.failed.length > 0) throw new Error(result.failed.map((f) => f.error).join('; '))
  return { urls: result.successful.map((f) => f.uploadURL), aborted: paused }
}

try {
  const result = await (job.client === 'uppy' ? uppy() : tusJs())
  console.log(JSON.stringify({ ok: true, ...result }))
  process.exit(0)
} catch (e) {
  console.log(JSON.stringify({ ok: false, error: String(e && (e.stack || e.message || e)) }))
  process.exit(0)
}
