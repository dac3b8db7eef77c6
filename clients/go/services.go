package tessera

import (
	"google.golang.org/grpc"

	auditv1 "tessera.example/client/erp/audit/v1"
	catalogv1 "tessera.example/client/erp/catalog/v1"
	crmv1 "tessera.example/client/erp/crm/v1"
	financev1 "tessera.example/client/erp/finance/v1"
	identityv1 "tessera.example/client/erp/identity/v1"
	inventoryv1 "tessera.example/client/erp/inventory/v1"
	notificationv1 "tessera.example/client/erp/notification/v1"
	opsv1 "tessera.example/client/erp/ops/v1"
	ordersv1 "tessera.example/client/erp/orders/v1"
	paymentsv1 "tessera.example/client/erp/payments/v1"
)

// Services are the suite's services, each by the plural of its noun.
type Services struct {
	Accounts       crmv1.AccountServiceClient
	ApiKeys        identityv1.ApiKeyServiceClient
	AuditEntries   auditv1.AuditEntryServiceClient
	Auth           identityv1.AuthServiceClient
	Categories     catalogv1.CategoryServiceClient
	Contacts       crmv1.ContactServiceClient
	Deliveries     notificationv1.DeliveryServiceClient
	EventLog       opsv1.EventLogServiceClient
	Invoices       financev1.InvoiceServiceClient
	JournalEntries financev1.JournalEntryServiceClient
	LedgerAccounts financev1.LedgerAccountServiceClient
	Orders         ordersv1.OrderServiceClient
	PaymentEntries financev1.PaymentEntryServiceClient
	PaymentIntents paymentsv1.PaymentIntentServiceClient
	Products       catalogv1.ProductServiceClient
	Reports        financev1.ReportServiceClient
	Reservations   inventoryv1.ReservationServiceClient
	Roles          identityv1.RoleServiceClient
	Sagas          ordersv1.SagaServiceClient
	Sessions       identityv1.SessionServiceClient
	StockLevels    inventoryv1.StockLevelServiceClient
	StockMoves     inventoryv1.StockMoveServiceClient
	Templates      notificationv1.TemplateServiceClient
	Tenants        identityv1.TenantServiceClient
	Users          identityv1.UserServiceClient
	Warehouses     inventoryv1.WarehouseServiceClient
}

func newServices(conn grpc.ClientConnInterface) Services {
	return Services{
		Accounts:       crmv1.NewAccountServiceClient(conn),
		ApiKeys:        identityv1.NewApiKeyServiceClient(conn),
		AuditEntries:   auditv1.NewAuditEntryServiceClient(conn),
		Auth:           identityv1.NewAuthServiceClient(conn),
		Categories:     catalogv1.NewCategoryServiceClient(conn),
		Contacts:       crmv1.NewContactServiceClient(conn),
		Deliveries:     notificationv1.NewDeliveryServiceClient(conn),
		EventLog:       opsv1.NewEventLogServiceClient(conn),
		Invoices:       financev1.NewInvoiceServiceClient(conn),
		JournalEntries: financev1.NewJournalEntryServiceClient(conn),
		LedgerAccounts: financev1.NewLedgerAccountServiceClient(conn),
		Orders:         ordersv1.NewOrderServiceClient(conn),
		PaymentEntries: financev1.NewPaymentEntryServiceClient(conn),
		PaymentIntents: paymentsv1.NewPaymentIntentServiceClient(conn),
		Products:       catalogv1.NewProductServiceClient(conn),
		Reports:        financev1.NewReportServiceClient(conn),
		Reservations:   inventoryv1.NewReservationServiceClient(conn),
		Roles:          identityv1.NewRoleServiceClient(conn),
		Sagas:          ordersv1.NewSagaServiceClient(conn),
		Sessions:       identityv1.NewSessionServiceClient(conn),
		StockLevels:    inventoryv1.NewStockLevelServiceClient(conn),
		StockMoves:     inventoryv1.NewStockMoveServiceClient(conn),
		Templates:      notificationv1.NewTemplateServiceClient(conn),
		Tenants:        identityv1.NewTenantServiceClient(conn),
		Users:          identityv1.NewUserServiceClient(conn),
		Warehouses:     inventoryv1.NewWarehouseServiceClient(conn),
	}
}
