package ossapi_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
)

// known are the credentials that the cloud has from the start.
func known() credentials.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("local", "local-secret")
}

func mac(of func() hash.Hash, key []byte, text string) []byte {
	h := hmac.New(of, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// formV1 signs a policy as the vendor's guide for forms says.
func formV1(policy string) map[string]string {
	text := base64.StdEncoding.EncodeToString([]byte(policy))
	return map[string]string{
		"policy": text, "OSSAccessKeyId": "local", "Signature": base64.StdEncoding.EncodeToString(mac(sha1.New, []byte("local-secret"), text)),
	}
}

// formV4 does in the newer way.
func formV4(policy string) map[string]string {
	text := base64.StdEncoding.EncodeToString([]byte(policy))
	now := time.Now().UTC()
	key := []byte("aliyun_v4local-secret")
	for _, word := range []string{now.Format("20060102"), "cn-hangzhou", "oss", "aliyun_v4_request"} {
		key = mac(sha256.New, key, word)
	}
	return map[string]string{
		"policy": text, "x-oss-signature-version": "OSS4-HMAC-SHA256", "x-oss-credential": "local/" + now.Format("20060102") + "/cn-hangzhou/oss/aliyun_v4_request",
		"x-oss-date": now.Format("20060102T150405Z"), "x-oss-signature": hex.EncodeToString(mac(sha256.New, key, text)),
	}
}
