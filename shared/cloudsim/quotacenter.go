package cloudsim

import (
	"slices"

	"imagekeeper/shared/image"
)

// The quotas of Quota Center that are about images.
const (
	QuotaImages = "q_user-image-count"
	QuotaGrants = "q_user-per-image-shared-user-count"
)

// QuotaRow is one quota as GetProductQuota shows it.
type QuotaRow struct {
	ID, Name string
	Region   image.RegionID
	Total    float64
	// Used counts only where Consumable is set.
	Used       float64
	Consumable bool
}

// ProductQuotaRequest are the parameters of GetProductQuota and, without a
// quota, of ListProductQuotas.
type ProductQuotaRequest struct {
	Product string
	Quota   string
	// Region is the dimension regionId.
	Region image.RegionID
	// Dimensions are the names of all that were given.
	Dimensions []string
}

func (s *Session) permitQuotas(operation string) error {
	if action := "quotas:" + operation; !s.caller.may(action, "") {
		no := denied(action)
		no.Code, no.Status = "RAM.PERMISSION.DENIED", 400
		return no
	}
	return nil
}

func (req ProductQuotaRequest) check() error {
	_, known := placeOf(req.Region)
	switch {
	case req.Product == "":
		return malformed(400, "MissingProductCode", "ProductCode is mandatory for this action.")
	case slices.ContainsFunc(req.Dimensions, func(d string) bool { return d != "regionId" }):
		return malformed(400, "QUOTA.DIMENSION.UNSUPPORT", "The dimension is not supported by the quota.")
	case req.Region != "" && !known:
		return malformed(400, "QUOTA.DIMENSION.VALUE.UNSUPPORT", "The value of the dimension is not supported.")
	}
	return nil
}

// GetProductQuota tells one quota of ECS in a region, and how much of it is used.
// All refusals have status 400: MissingProductCode, QUOTA.NOT.FOUND,
// QUOTA.DIMENSION.MISS, QUOTA.DIMENSION.UNSUPPORT,
// QUOTA.DIMENSION.VALUE.UNSUPPORT, RAM.PERMISSION.DENIED.
func (s *Session) GetProductQuota(req ProductQuotaRequest) (QuotaRow, error) {
	if err := s.permitQuotas("GetProductQuota"); err != nil {
		return QuotaRow{}, err
	}
	if err := req.check(); err != nil {
		return QuotaRow{}, err
	}
	switch {
	case req.Product != "ecs" || req.Quota != QuotaImages && req.Quota != QuotaGrants:
		return QuotaRow{}, malformed(400, "QUOTA.NOT.FOUND", "The quota does not exist.")
	case req.Region == "":
		return QuotaRow{}, malformed(400, "QUOTA.DIMENSION.MISS", "The dimension regionId is missing.")
	}
	s.cloud.mu.Lock()
	defer s.cloud.mu.Unlock()
	return s.cloud.quota(s.caller.Account, req.Region, req.Quota), nil
}

// ListProductQuotas lists the quotas of ECS in a region. Refusals as
// GetProductQuota's.
func (s *Session) ListProductQuotas(req ProductQuotaRequest) ([]QuotaRow, error) {
	if err := s.permitQuotas("ListProductQuotas"); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	if req.Product != "ecs" || req.Region == "" {
		return nil, nil
	}
	s.cloud.mu.Lock()
	defer s.cloud.mu.Unlock()
	var rows []QuotaRow
	for _, id := range []string{QuotaImages, QuotaGrants} {
		if req.Quota == "" || req.Quota == id {
			rows = append(rows, s.cloud.quota(s.caller.Account, req.Region, id))
		}
	}
	return rows, nil
}

// quota is one quota of the account as it is now. The cloud is locked.
func (c *Cloud) quota(account image.AccountID, region image.RegionID, id string) QuotaRow {
	if id == QuotaGrants {
		return QuotaRow{ID: id, Name: "Maximum number of users per shared image", Region: region, Total: float64(c.options.Quotas.Grants)}
	}
	b := c.book(c.regions[region], account)
	return QuotaRow{ID: id, Name: "Maximum number of custom images", Region: region, Total: float64(b.quota), Used: float64(b.images), Consumable: true}
}

// SetImageQuota sets how many custom images an account may have in a region. It
// panics for a region that does not exist.
func (c *Cloud) SetImageQuota(account image.AccountID, region image.RegionID, images int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book(c.mustRegion(region), account).quota = images
}
