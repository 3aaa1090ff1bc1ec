// A mail server on a free port: it prints its port, then one line of JSON for each mail it takes.
// An address that begins with `nadie` does not exist; one that begins with `luego` is refused at first.
const { SMTPServer } = require('smtp-server')

const dice = (valor) => process.stdout.write(JSON.stringify(valor) + '\n')
const vistas = new Set()

const rechazo = (codigo, texto) => Object.assign(new Error(texto), { responseCode: codigo })

const servidor = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  onRcptTo({ address }, _sesion, listo) {
    if (address.startsWith('nadie')) return listo(rechazo(550, 'no existe'))
    if (address.startsWith('luego') && !vistas.has(address)) {
      vistas.add(address)
      return listo(rechazo(451, 'vuelva luego'))
    }
    listo()
  },
  onData(flujo, { envelope }, listo) {
    const trozos = []
    flujo.on('data', (t) => trozos.push(t))
    flujo.on('end', () => {
      dice({ para: envelope.rcptTo.map((a) => a.address), bytes: Buffer.concat(trozos).toString('base64') })
      listo()
    })
  }
})

servidor.listen(0, '127.0.0.1', () => dice({ puerto: servidor.server.address().port }))
// The one who started it is gone.
process.stdin.on('end', () => process.exit()).resume()
