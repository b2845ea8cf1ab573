/** Takes an answer's bytes in and counts them twice: as they come, and as they are unpacked (RFC 9110 §8.4). */
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import type { Transform } from 'node:stream';
import { EgressError } from './egress-error.ts';

/** What is asked for. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/** Gathers a body. */
export interface BodyCollector {
  push(chunk: Uint8Array): void;
  /** No more will come; the body is handed out once all of it is unpacked. */
  end(): void;
  /** Forgets everything; nothing is handed out any more. */
  stop(): void;
}

/** Hears what becomes of a body; one of them is called, once. */
export interface BodyListener {
  onBody(body: Uint8Array): void;
  onFault(fault: EgressError): void;
}

/**
 * Returns a collector for one answer.
 *
 * @param encoding - the value of `content-encoding`; two at once and unknown ones are refused
 * @param maxBytes - largest body, packed and unpacked
 * @param host - for messages
 */
export function collectBody(
  encoding: string | undefined,
  maxBytes: number,
  host: string,
  listener: BodyListener,
): BodyCollector | EgressError {
  const name = encoding?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return collectPlain(maxBytes, host, listener);
  if (!/^(?:x-)?gzip$|^deflate$|^br$/.test(name)) {
    return new EgressError('encoding', `${host} packed its answer in a way that we did not ask for.`);
  }
  return collectPacked(name, maxBytes, host, listener);
}

function tooLarge(host: string, maxBytes: number): EgressError {
  return new EgressError('too-large', `${host} answered with more than ${maxBytes} bytes.`);
}

function collectPlain(maxBytes: number, host: string, listener: BodyListener): BodyCollector {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let isOver = false;
  return {
    push(chunk) {
      if (isOver) return;
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maxBytes) return;
      isOver = true;
      chunks.length = 0;
      listener.onFault(tooLarge(host, maxBytes));
    },
    end() {
      if (isOver) return;
      isOver = true;
      listener.onBody(Buffer.concat(chunks));
    },
    stop() {
      isOver = true;
      chunks.length = 0;
    },
  };
}

function collectPacked(name: string, maxBytes: number, host: string, listener: BodyListener): BodyCollector {
  let packed = 0;
  const unpacked = collectPlain(maxBytes, host, {
    onBody: (body) => finish(() => listener.onBody(body)),
    onFault: (fault) => finish(() => listener.onFault(fault)),
  });
  let stream: Transform | undefined;
  let isOver = false;
  const finish = (tell: () => void): void => {
    if (isOver) return;
    isOver = true;
    unpacked.stop();
    stream?.destroy();
    tell();
  };
  const open = (first: Uint8Array): Transform => {
    const made = unpackerFor(name, first);
    made.on('data', (chunk: Buffer) => unpacked.push(chunk));
    made.on('end', () => unpacked.end());
    made.on('error', (cause) => {
      const fault = new EgressError('encoding', `${host} sent an answer that cannot be unpacked.`, { cause });
      finish(() => listener.onFault(fault));
    });
    return made;
  };
  return {
    push(chunk) {
      if (isOver || chunk.length === 0) return;
      packed += chunk.length;
      if (packed > maxBytes) {
        finish(() => listener.onFault(tooLarge(host, maxBytes)));
        return;
      }
      stream ??= open(chunk);
      stream.write(chunk);
    },
    end() {
      if (isOver) return;
      if (stream === undefined) unpacked.end();
      else stream.end();
    },
    stop: () => finish(() => {}),
  };
}

/** `deflate` is zlib by the book and bare deflate in the field; the first byte tells. */
function unpackerFor(name: string, first: Uint8Array): Transform {
  if (name === 'br') return createBrotliDecompress();
  if (name !== 'deflate') return createGunzip();
  return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
}
