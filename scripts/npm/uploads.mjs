// Uploads as people make them, with the vendor's own client: each argument is put|parts and a key; the content is FILE's.
import fs from 'node:fs';
import OSS from 'ali-oss';

const client = new OSS({
  endpoint: `http://${process.env.OBJECTS}`, region: 'oss-cn-hangzhou', accessKeyId: 'local', accessKeySecret: 'local-secret', bucket: 'golden-uploads',
});
const content = fs.readFileSync(process.env.FILE);
for (const wish of process.argv.slice(2)) {
  const [how, key] = wish.split(':');
  if (how === 'parts') await client.multipartUpload(key, content, { partSize: 100 * 1024, parallel: 2 });
  else if (how === 'empty') await client.put(key, Buffer.alloc(0));
  else await client.put(key, content);
}
