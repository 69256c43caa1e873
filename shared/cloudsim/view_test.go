package cloudsim_test

import (
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/cloudsimtest"
	"imagekeeper/shared/image"
)

func TestViewKeepsTheContract(t *testing.T) {
	t.Parallel()
	cloudsimtest.Run(t, func(_ *testing.T, cloud *cloudsim.Cloud, account image.AccountID) cloudsimtest.Subject {
		return cloud.View(account)
	})
}

func TestViewKeepsTheContractFurther(t *testing.T) {
	t.Parallel()
	cloudsimtest.RunFurther(t, func(_ *testing.T, cloud *cloudsim.Cloud, account image.AccountID) cloudsimtest.Further {
		return cloud.View(account)
	})
}

func TestViewKeepsTheContractOfSharing(t *testing.T) {
	t.Parallel()
	cloudsimtest.RunSharing(t, func(_ *testing.T, cloud *cloudsim.Cloud, account image.AccountID) cloudsimtest.Sharer {
		return cloud.View(account)
	})
}
