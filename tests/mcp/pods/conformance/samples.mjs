// The smallest picture and the smallest sound, and content made of them.
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQ' +
  'DwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

function silentWav() {
  const wav = Buffer.alloc(44);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // one channel
  wav.writeUInt32LE(8000, 24); // samples a second
  wav.writeUInt32LE(8000, 28); // bytes a second
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write('data', 36);
  return wav.toString('base64');
}

export const pngBase64 = png;
export const textContent = (text) => ({ type: 'text', text });
export const image = { type: 'image', data: png, mimeType: 'image/png' };
export const audio = { type: 'audio', data: silentWav(), mimeType: 'audio/wav' };
export const embedded = (uri, mimeType, text) => ({
  type: 'resource',
  resource: { uri, mimeType, text },
});
