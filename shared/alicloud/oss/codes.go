package oss

import "imagekeeper/shared/fault"

// codeRange is the code of a range that begins where the object ends, or later.
const codeRange = "InvalidRange"

// codes says which kind each of OSS's codes is. A bucket that does not exist is
// not fault.NotFound: an object of it is not known to be missing. Source: the OSS
// API reference, error responses and the operations' own tables.
func codes() map[string]fault.Kind {
	return map[string]fault.Kind{
		"NoSuchKey": fault.NotFound,

		"PositionNotEqualToLength": fault.Conflict,

		"NoSuchBucket":         fault.Precondition,
		"ObjectNotAppendable":  fault.Precondition,
		"FileImmutable":        fault.Precondition,
		"InvalidObjectState":   fault.Precondition,
		"KmsServiceNotEnabled": fault.Precondition,

		"AccessDenied": fault.Forbidden,
		"UserDisable":  fault.Forbidden,

		"InvalidAccessKeyId":    fault.Unauthenticated,
		"SignatureDoesNotMatch": fault.Unauthenticated,
		"InvalidSecurityToken":  fault.Unauthenticated,
		"SecurityTokenExpired":  fault.Unauthenticated,

		"QpsLimitExceeded":                 fault.Throttled,
		"TotalQpsLimitExceeded":            fault.Throttled,
		"UploadTrafficRateLimitExceeded":   fault.Throttled,
		"DownloadTrafficRateLimitExceeded": fault.Throttled,

		"InternalError":        fault.Unavailable,
		"ServiceUnavailable":   fault.Unavailable,
		"RequestTimeout":       fault.Unavailable,
		"RequestTimeTooSkewed": fault.Unavailable,
		"InvalidDigest":        fault.Unavailable,

		"InvalidBucketName": fault.Invalid,
		"InvalidObjectName": fault.Invalid,
		"InvalidArgument":   fault.Invalid,
		codeRange:           fault.Invalid,
	}
}
