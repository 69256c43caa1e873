// What a script does that is signed by RAM: it calls a function directly, with the vendor's own SDK for Function Compute,
// unmodified. The function answers what it answers over HTTP.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import test from 'node:test';
import FC from '@alicloud/fc20230330';

const address = process.env.CLOUD ?? '127.0.0.1:7070';

const caller = (accessKeyId, accessKeySecret) => new FC.default({
  accessKeyId, accessKeySecret, endpoint: address, protocol: 'HTTP', regionId: 'cn-hangzhou',
});

const invoke = (client, name, event) => client.invokeFunction(
  name, new FC.InvokeFunctionRequest({ body: Readable.from([Buffer.from(JSON.stringify(event))]) }));

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

const event = { operation: 'find.images', input: { kind: ['custom'], region: ['cn-hangzhou'], limit: 2 } };

test('@alicloud/fc20230330, a direct call', { timeout: 60000 }, async () => {
  const answer = await invoke(caller('local', 'local-secret'), 'imagekeeper-find', event);
  assert.equal(answer.statusCode, 200);
  assert.ok(answer.headers['x-fc-request-id']);
  const { items } = JSON.parse(await text(answer.body));
  assert.equal(items.length, 2);
  assert.ok(items.every((image) => image.kind === 'custom' && image.regionId === 'cn-hangzhou'));
});

for (const [why, client, name, code] of [
  ['a wrong secret', caller('local', 'wrong'), 'imagekeeper-find', 'SignatureDoesNotMatch'],
  ['an unknown key', caller('nobody', 'x'), 'imagekeeper-find', 'InvalidAccessKeyId.NotFound'],
  ['another account', caller('local2', 'local2-secret'), 'imagekeeper-find', 'AccessDenied'],
]) {
  test(`${why} is refused`, { timeout: 60000 }, async () => {
    await assert.rejects(invoke(client, name, event), (error) => error.code === code || assert.fail(String(error)));
  });
}
