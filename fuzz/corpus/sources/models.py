"""Models of the shop."""
from sqlalchemy import Column, ForeignKey, Index, Integer, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column, relationship


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (Index("orders_customer", "customer_id"), {"schema": "shop"})
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("shop.customers.id"), nullable=False)
    note = Column(String(50), unique=True)  # it's a note

    def load(self, session, name):
        for one in self.lines:
            session.execute(f"INSERT INTO lines (name) VALUES ('{name}')")
        return session.execute(rb"select '\''" r'a\'b' + '''long
        'text' ''')
