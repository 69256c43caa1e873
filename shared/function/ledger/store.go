package ledger

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/journal"
)

// Store opens the place of JOURNAL with the credentials of each call.
type Store struct {
	place    Place
	accounts *places.Accounts
	// bucket is that of the place, if it is in one.
	bucket *oss.Store
}

// OpenStore is the place of a deployment that works as accounts. It fails with
// fault.Invalid, naming the variable.
func OpenStore(place Place, storage alicloud.Storage, accounts *places.Accounts) (*Store, error) {
	s := &Store{place: place, accounts: accounts}
	if place.Bucket == "" {
		return s, nil
	}
	var err error
	s.bucket, err = oss.Open(accounts.Cloud(), oss.Config{Bucket: place.Bucket, Endpoint: storage.OSSEndpoint})
	return s, err
}

// Open opens the journal, and what is kept beside it, as our own account.
func (s *Store) Open(call function.Call) (*journal.Journal, journal.Documents, error) {
	log, err := s.place.Open(s.as(call))
	if err != nil {
		return nil, nil, err
	}
	documents, err := s.Documents(call)
	return log, documents, err
}

// Documents opens what is kept beside the journal, as our own account.
func (s *Store) Documents(call function.Call) (journal.Documents, error) {
	return s.place.Documents(s.as(call))
}

// as opens the bucket as our own account.
func (s *Store) as(call function.Call) func(string) (journal.Bucket, error) {
	return func(string) (journal.Bucket, error) { return s.bucket.As(s.accounts.Of(call)[0]), nil }
}
