// Asks a deployment for images, prices, a share and a rollout with a client whose types
// were generated. What does not come as it is described throws.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { env: Record<string, string | undefined> };

const client = createClient<paths>({ baseUrl: process.env["API"] ?? "", headers: { Authorization: `Bearer ${process.env["TOKEN"]}` } });

function is(so: boolean, what: string, ...about: unknown[]): asserts so {
  if (!so) throw new Error(`${what}: ${JSON.stringify(about)}`);
}

// Tables come as text where one asks for them; here nobody does.
const list = await client.GET("/images", { params: { query: { limit: 3, kind: ["custom"] } } });
is(typeof list.data === "object" && list.data.items.length === 3, "images", list.error);
const image = list.data.items[0];
is(image !== undefined, "an image");

const one = await client.GET("/images/{imageId}", { params: { path: { imageId: image.imageId } } });
is(one.data?.imageId === image.imageId, "the image", one.error);

const tagged = await client.GET("/images", { params: { query: { tag: ["team=nobody", "noSuchKey"] } } });
is(typeof tagged.data === "object" && tagged.data.items.length === 0, "images with tags that none has", tagged.data, tagged.error);

const price = await client.GET("/prices/{imageId}", { params: { path: { imageId: image.imageId }, query: { hours: "720" } } });
is(price.data !== undefined, "a price", price.error);

const wish: NonNullable<paths["/shares/{imageId}"]["patch"]["requestBody"]>["content"]["application/json"] = { add: [{ accountId: "1000000000000005" }] };
const share = await client.PATCH("/shares/{imageId}", { params: { path: { imageId: image.imageId } }, body: wish });
is(share.data?.plan?.digest.length === 64, "a plan of a share", share.error);

// Whoever approves by the digest alone gives nothing else.
const digest = "0".repeat(64);
const approved = await client.POST("/rollouts", { body: { apply: { digest } } });
is(approved.response.status === 404 || approved.response.status === 403, "an approval by a digest alone", approved.error);

const wrong = await client.GET("/images", { params: { query: { limit: -1 } } });
is(wrong.response.status === 400 && wrong.error !== undefined && wrong.error.field === "limit", "a limit of -1", wrong.error);
