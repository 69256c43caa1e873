// What a person does with images, done with the vendor's own npm SDKs, unmodified, against the cloud whose address is
// the only argument: once with ACS3 signing (@alicloud/ecs20140526), once with RPC signing (@alicloud/pop-core).
import assert from 'node:assert/strict';
import test from 'node:test';
import Ecs from '@alicloud/ecs20140526';
import RPCClient from '@alicloud/pop-core';

const address = process.env.CLOUD ?? '127.0.0.1:7070';
const region = 'cn-hangzhou';
const elsewhere = 'cn-shanghai';
const friend = '1000000000000002';
const key = { accessKeyId: 'local', accessKeySecret: 'local-secret' };

// The generated client wants its own classes and lower-case names; it gives the wire's names back with toMap.
const named = (value) =>
  Array.isArray(value) ? value.map(named)
    : value && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k[0].toLowerCase() + k.slice(1), named(v)]))
      : value;

const rpc = (method) => {
  const client = new RPCClient({ ...key, endpoint: `http://${address}`, apiVersion: '2014-05-26' });
  return (action, params) => client.request(action, params, { method, timeout: 10000 });
};

// Each entry: how one SDK calls an action with parameters named as on the wire.
const clients = {
  '@alicloud/ecs20140526, ACS3-HMAC-SHA256': () => {
    const client = new Ecs.default({ ...key, endpoint: address, protocol: 'HTTP', regionId: region });
    return async (action, params) => {
      const fields = named(params);
      if (fields.tag) fields.tag = fields.tag.map((t) => new Ecs[`${action}RequestTag`](t));
      const method = action[0].toLowerCase() + action.slice(1);
      const answer = await client[method](new Ecs[`${action}Request`](fields));
      return answer.body.toMap();
    };
  },
  '@alicloud/pop-core, HMAC-SHA1, in the form': () => rpc('POST'),
  '@alicloud/pop-core, HMAC-SHA1, in the query': () => rpc('GET'),
};

// Changes show after a while, as in any distributed service; this waits for them, but not for ever.
async function eventually(what, look) {
  for (let tries = 0; tries < 200; tries++) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`never happened: ${what}`);
}

for (const [name, connect] of Object.entries(clients)) {
  test(name, { timeout: 60000 }, async () => {
    const call = connect();
    const images = async (where, params) => (await call('DescribeImages', { RegionId: where, ...params })).Images.Image;
    const available = (where, id) => eventually(`${id} is Available`, async () => {
      const [found] = await images(where, { ImageId: id, Status: 'Creating,Waiting,Available,CreateFailed' });
      assert.notEqual(found?.Status, 'CreateFailed');
      return found?.Status === 'Available' && found;
    });
    const gone = (where, id) => eventually(`${id} is gone`, async () => (await images(where, { ImageId: id })).length === 0);

    const list = await call('DescribeImages', { RegionId: region, ImageOwnerAlias: 'self', PageSize: 100 });
    assert.equal(typeof list.RequestId, 'string');
    assert.ok(list.TotalCount > 0 && list.Images.Image.length === Math.min(list.TotalCount, 100), 'list');

    const { Instances } = await call('DescribeInstances', { RegionId: region, MaxResults: 10 });
    const from = Instances.Instance.find((i) => i.Status === 'Running' || i.Status === 'Stopped');
    const imageName = `sdk-check-${name.replace(/\W/g, '')}`;
    const { ImageId: made } = await call('CreateImage', { RegionId: region, InstanceId: from.InstanceId, ImageName: imageName });
    assert.match(made, /^m-/);
    const image = await available(region, made);
    assert.equal(image.ImageName, imageName);
    assert.equal(image.ImageOwnerAlias, 'self');

    const { ImageId: copy } = await call('CopyImage', {
      RegionId: region, ImageId: made, DestinationRegionId: elsewhere, DestinationImageName: `${imageName}-copy`,
    });
    await available(elsewhere, copy);

    const Tag = [{ Key: 'purpose', Value: 'sdk check' }, { Key: 'by', Value: name }];
    await call('TagResources', { RegionId: region, ResourceType: 'image', ResourceId: [made], Tag });
    const tagged = await eventually('the image is found by its tag', async () => {
      const [found] = await images(region, { ImageOwnerAlias: 'self', Tag: [{ Key: 'by', Value: name }] });
      return found;
    });
    assert.equal(tagged.ImageId, made);
    assert.ok(tagged.Tags.Tag.some((t) => t.TagKey === 'purpose' && t.TagValue === 'sdk check'));

    const share = (change) => call('ModifyImageSharePermission', { RegionId: region, ImageId: made, ...change });
    const shared = async () => (await call('DescribeImageSharePermission', { RegionId: region, ImageId: made })).Accounts.Account;
    await share({ AddAccount: [friend] });
    await eventually('the image is shared', async () => (await shared()).some((a) => a.AliyunId === friend));
    await assert.rejects(call('DeleteImage', { RegionId: region, ImageId: made }), 'a shared image is not deleted without force');
    await share({ RemoveAccount: [friend] });
    await eventually('the image is shared no more', async () => (await shared()).length === 0);

    for (const [where, id] of [[region, made], [elsewhere, copy]]) {
      await call('DeleteImage', { RegionId: where, ImageId: id });
      await gone(where, id);
    }
    await assert.rejects(
      call('CreateImage', { RegionId: region, InstanceId: 'i-doesnotexist00000', ImageName: imageName }),
      (error) => error.code === 'InvalidInstanceId.NotFound' || assert.fail(`${error.code}: ${error.message}`),
    );
  });
}

// What the vendor documents and other people's clients rely on, without waiting and without asking twice, while all
// other changes show late.
for (const [name, connect] of Object.entries(clients)) {
  test(`${name}: what clients rely on`, { timeout: 60000 }, async () => {
    const call = connect();
    const as = (owner, answer) => new RPCClient({ accessKeyId: owner, accessKeySecret: `${owner}-secret`, endpoint: `http://${address}`, apiVersion: '2014-05-26' })
      .request('DescribeImages', { RegionId: region, Status: 'Creating,Waiting,Available', ...answer }, { method: 'POST' });
    const described = async (params) => (await call('DescribeImages', { RegionId: region, ...params })).Images.Image;
    const { Instances } = await call('DescribeInstances', { RegionId: region, Status: 'Running', MaxResults: 100 });
    const running = Instances.Instance.filter((i) => i.OperationLocks.LockReason.length === 0)[Object.keys(clients).indexOf(name)];

    // A share and a tag are there at once, and gone at once, also on an image that is still being copied.
    const family = await described({ ImageOwnerAlias: 'self', ImageFamily: 'web-base', PageSize: 10 });
    const source = family[Object.keys(clients).indexOf(name)];
    const { ImageId: copy } = await call('CopyImage', {
      RegionId: region, ImageId: source.ImageId, DestinationRegionId: elsewhere, DestinationImageName: `relied-${name.replace(/\W/g, '')}`,
    });
    const [making] = await described({ RegionId: elsewhere, ImageId: copy, Status: 'Creating,Waiting,Available' });
    assert.notEqual(making.Status, 'Available');
    assert.equal(making.ImageFamily, '', 'a copy is in no family');
    const share = (change) => call('ModifyImageSharePermission', { RegionId: elsewhere, ImageId: copy, ...change });
    const accounts = async () => (await call('DescribeImageSharePermission', { RegionId: elsewhere, ImageId: copy })).Accounts.Account.map((a) => a.AliyunId);
    for (let round = 0; round < 3; round++) {
      await share({ AddAccount: [friend] });
      assert.deepEqual(await accounts(), [friend]);
      assert.equal((await as('local2', { RegionId: elsewhere, ImageId: copy })).Images.Image.length, 1, 'the friend sees it');
      await share({ RemoveAccount: [friend] });
      assert.deepEqual(await accounts(), []);
      assert.equal((await as('local2', { RegionId: elsewhere, ImageId: copy })).Images.Image.length, 0, 'the friend sees it no more');
      await call('TagResources', { RegionId: region, ResourceType: 'image', ResourceId: [source.ImageId], Tag: [{ Key: 'round', Value: `${round} ${name}` }] });
      const [tagged] = await described({ ImageId: source.ImageId });
      assert.equal(tagged.Tags.Tag.find((t) => t.TagKey === 'round').TagValue, `${round} ${name}`);
    }

    // A size of 0 is one that was left out, and an instance is Pending first.
    const types = (await call('DescribeImageSupportInstanceTypes', { RegionId: region, ImageId: source.ImageId })).InstanceTypes.InstanceType;
    const { InstanceIdSets } = await call('RunInstances', {
      RegionId: region, ImageId: source.ImageId, InstanceType: types[0].InstanceTypeId,
      ...(name.startsWith('@alicloud/ecs') ? { SystemDisk: new Ecs.RunInstancesRequestSystemDisk({ size: '0' }) } : { 'SystemDisk.Size': 0 }),
    });
    const sizeless = (kind) => (name.startsWith('@alicloud/ecs') ? { SystemDisk: new Ecs[kind]({ size: 0 }) } : { 'SystemDisk.Size': 0 });
    const { LaunchTemplateId } = await call('CreateLaunchTemplate', {
      RegionId: region, LaunchTemplateName: `relied-${Object.keys(clients).indexOf(name)}`, ImageId: source.ImageId, ...sizeless('CreateLaunchTemplateRequestSystemDisk'),
    });
    await call('CreateLaunchTemplateVersion', {
      RegionId: region, LaunchTemplateId, ImageId: source.ImageId, ...sizeless('CreateLaunchTemplateVersionRequestSystemDisk'),
    });
    const [instanceId] = InstanceIdSets.InstanceIdSet;
    const state = await call('DescribeInstances', { RegionId: region, InstanceIds: JSON.stringify([instanceId]) });
    assert.equal(state.Instances.Instance[0].Status, 'Pending');

    // The mode that a running instance shows can be sent back.
    assert.equal(running.StoppedMode, 'Not-applicable');
    await call('StopInstance', { InstanceId: running.InstanceId, StoppedMode: running.StoppedMode });

    // Public images are in families of their own; to others a shared image's family says whose it is.
    const [ubuntu] = await described({ ImageFamily: 'acs:ubuntu_22_04_x64' });
    assert.equal(ubuntu.ImageOwnerAlias, 'system');
    const newest = await call('DescribeImageFromFamily', { RegionId: region, ImageFamily: 'acs:ubuntu_22_04_x64' });
    assert.equal(newest.Image.ImageId, ubuntu.ImageId);
    await call('ModifyImageSharePermission', { RegionId: region, ImageId: source.ImageId, AddAccount: [friend] });
    const theirs = (await as('local2', { ImageFamily: 'acs:1000000000000001:web-base', PageSize: 100 })).Images.Image;
    assert.ok(theirs.some((i) => i.ImageId === source.ImageId), 'found by the name that its grantee sees');
  });
}
