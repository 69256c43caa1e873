package notify

import "time"

// WebhookHeaders signs as a target with this secret does.
func WebhookHeaders(secret, id string, now time.Time, body []byte) map[string]string {
	key, _ := webhookKey(secret)
	return webhookHeaders(key, id, now, body)
}
