// A report of a factory, as its review tells of it.
export async function daily(prisma: PrismaClient) {
  return prisma.$executeRaw`SELECT * FROM view_oee_daily`;
}
