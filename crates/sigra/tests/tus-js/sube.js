// Uploads files one after another with tus-js-client, as an app would, and tells each step as a line of
// JSON. What to upload, and where, stands in the JSON file that the first argument names.
'use strict';

const fs = require('node:fs');
const { Upload, FileUrlStorage } = require('tus-js-client');

const orden = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
// On disk: an upload is found again by its file, not by what this process remembers.
const urlStorage = new FileUrlStorage(orden.memoria);
const di = (paso) => process.stdout.write(`${JSON.stringify(paso)}\n`);

// Begins an upload or goes on with it: true at its end, false when it was paused.
function sube(archivo, pausa) {
  const { nombre } = archivo;
  return new Promise((termina, falla) => {
    const upload = new Upload(fs.createReadStream(archivo.ruta), {
      endpoint: orden.endpoint,
      headers: { Authorization: `Bearer ${orden.token}` },
      metadata: archivo.metadata,
      chunkSize: archivo.trozo ?? Infinity,
      // A link this bad needs patience; which errors are worth it is the client's own choice.
      retryDelays: Array(600).fill(100),
      urlStorage,
      removeFingerprintOnSuccess: true,
      // Told at the beginning of each request too, and each brings less than a file: none is missed.
      onProgress: (bytes) => {
        di({ paso: 'va', nombre, bytes });
        if (bytes < pausa) return;
        pausa = Infinity;
        // A moment later, when the request is under way.
        setTimeout(() => upload.abort().then(() => termina(false), falla), 20);
      },
      onSuccess: () => termina(true),
      onError: falla,
    });
    const comienza = ([previa]) => {
      if (previa) {
        di({ paso: 'reanuda', nombre });
        upload.resumeFromPreviousUpload(previa);
      }
      upload.start();
    };
    upload.findPreviousUploads().then(comienza).catch(falla);
  });
}

async function sube_todos() {
  for (const archivo of orden.archivos) {
    if (!(await sube(archivo, archivo.pausa ?? Infinity))) {
      di({ paso: 'pausa', nombre: archivo.nombre });
      await sube(archivo, Infinity);
    }
    di({ paso: 'terminado', nombre: archivo.nombre });
  }
}

sube_todos().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
