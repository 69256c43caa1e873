// What a person does with objects, done with the vendor's own npm client, unmodified, against the local cloud: once with
// each way to sign.
import assert from 'node:assert/strict';
import test from 'node:test';
import OSS from 'ali-oss';

const endpoint = `http://${process.env.OBJECTS ?? '127.0.0.1:7071'}`;

for (const authorizationV4 of [false, true]) {
  test(`ali-oss, ${authorizationV4 ? 'OSS4-HMAC-SHA256' : 'HMAC-SHA1'}`, async () => {
    const bucket = `npm-${authorizationV4 ? 'four' : 'one'}-bucket`;
    const options = { endpoint, region: 'oss-cn-hangzhou', accessKeyId: 'local', accessKeySecret: 'local-secret', authorizationV4 };
    const client = new OSS(options);
    await client.putBucket(bucket);
    client.useBucket(bucket);
    const info = await client.getBucketInfo(bucket);
    assert.equal(info.bucket.Location, 'oss-cn-hangzhou');
    assert.ok((await client.listBuckets({})).buckets.some((b) => b.name === bucket));

    const key = 'dir/a b+c=é.txt';
    const put = await client.put(key, Buffer.from('hello'), { headers: { 'Content-Type': 'text/plain' }, meta: { team: 'web' } });
    assert.equal(put.res.status, 200);
    const got = await client.get(key);
    assert.equal(got.content.toString(), 'hello');
    const head = await client.head(key);
    assert.equal(head.meta.team, 'web');
    assert.equal(head.res.headers['content-length'], '5');
    const part = await client.get(key, { headers: { Range: 'bytes=1-3' } });
    assert.equal(part.res.status, 206);
    assert.equal(part.content.toString(), 'ell');
    await assert.rejects(client.get('none'), { code: 'NoSuchKey', status: 404 });

    const first = await client.append('log', Buffer.from('one\n'), { position: 0 });
    assert.equal(first.nextAppendPosition, '4');
    await client.append('log', Buffer.from('two\n'), { position: 4 });
    await assert.rejects(client.append('log', Buffer.from('late\n'), { position: 4 }), { code: 'PositionNotEqualToLength', status: 409 });
    assert.equal((await client.get('log')).content.toString(), 'one\ntwo\n');

    for (let n = 0; n < 5; n++) await client.put(`many/${n}`, Buffer.from(`${n}`));
    let marker, names = [];
    do {
      const page = await client.list({ prefix: 'many/', 'max-keys': 2, ...(marker && { marker }) });
      names.push(...page.objects.map((o) => o.name));
      marker = page.nextMarker;
    } while (marker);
    assert.deepEqual(names, [0, 1, 2, 3, 4].map((n) => `many/${n}`));
    let token, keys = 0;
    do {
      const page = await client.listV2({ prefix: 'many/', 'max-keys': 2, ...(token && { 'continuation-token': token }) });
      keys += page.objects.length;
      token = page.nextContinuationToken;
    } while (token);
    assert.equal(keys, 5);
    assert.deepEqual((await client.list({ delimiter: '/' })).prefixes.sort(), ['dir/', 'many/']);


    // An image of several parts, as people upload it, then what they do with it.
    const image = Buffer.alloc(250 * 1024, 'qcow2');
    const done = [];
    const uploaded = await client.multipartUpload('images/web.qcow2', image, { partSize: 100 * 1024, parallel: 2, progress: (p) => done.push(p) });
    assert.match(uploaded.etag, /-3"?$/);
    assert.equal(done.at(-1), 1);
    assert.equal((await client.head('images/web.qcow2')).res.headers['x-oss-object-type'], 'Multipart');
    assert.ok((await client.get('images/web.qcow2')).content.equals(image));
    const begun = await client.initMultipartUpload('images/left.qcow2');
    await client.uploadPart('images/left.qcow2', begun.uploadId, 1, image, 0, 100 * 1024);
    assert.equal([].concat((await client.listParts('images/left.qcow2', begun.uploadId)).parts)[0].Size, String(100 * 1024)); // one is no list
    assert.deepEqual((await client.listUploads({ 'max-uploads': 10 })).uploads.map((u) => u.name), ['images/left.qcow2']);
    await client.abortMultipartUpload('images/left.qcow2', begun.uploadId);
    assert.equal((await client.listUploads({ 'max-uploads': 10 })).uploads.length, 0);
    await client.copy('images/copy.qcow2', 'images/web.qcow2');
    assert.ok((await client.get('images/copy.qcow2')).content.equals(image));
    await client.putObjectTagging('images/copy.qcow2', { team: 'web' });
    assert.deepEqual((await client.getObjectTagging('images/copy.qcow2')).tag, { team: 'web' });
    await client.deleteObjectTagging('images/copy.qcow2');
    await client.putACL('images/copy.qcow2', 'public-read');
    assert.equal((await client.getACL('images/copy.qcow2')).acl, 'public-read');
    await client.deleteMulti(['images/web.qcow2', 'images/copy.qcow2']);

    // The client signs no address for an endpoint that is a number, so this one goes by name, in path style.
    const named = new OSS({ ...options, endpoint: endpoint.replace('127.0.0.1', 'localhost'), sldEnable: true, bucket });
    const signed = authorizationV4 ? await named.signatureUrlV4('GET', 60, {}, 'log') : named.signatureUrl('log', { expires: 60 });
    assert.equal(await (await fetch(signed)).text(), 'one\ntwo\n');

    await client.deleteMulti([...names, key], { quiet: true });
    await client.delete('log');
    assert.equal((await client.list({})).objects?.length ?? 0, 0);
    await client.deleteBucket(bucket);
    const stranger = new OSS({ ...options, accessKeySecret: 'wrong', bucket });
    await assert.rejects(stranger.put('k', Buffer.from('v')), { code: 'SignatureDoesNotMatch', status: 403 });
  });
}
