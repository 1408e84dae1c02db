import 'reflect-metadata'
import {
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Injectable,
  Module,
  Param,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createTwinkey, type Principal, type Twinkey, tokenEndpoints } from 'twinkey'
import { mount } from 'twinkey/express'
import { from, KeyPrincipal, Public, RequireKey, TWINKEY, TwinkeyModule } from 'twinkey/nest'
import { tryOut } from './try-out.js'

type Plan = { plan: string }

@Injectable()
class Names {
  constructor(@Inject(TWINKEY) readonly twinkey: Twinkey<Plan>) {}
}

@Controller()
@RequireKey({ workflow: 'customers.read' })
class Customers {
  constructor(readonly names: Names) {}

  @Get('customers/:id')
  show(@Param('id') id: string, @KeyPrincipal() { tenant, slot, via }: Principal<Plan>) {
    return { id, tenant, slot, via }
  }

  @Delete('customers/:id')
  @HttpCode(204)
  @RequireKey({ workflow: 'customers.delete' })
  remove(): void {}

  @Get('tenants/:tenant')
  @RequireKey({ tenant: from.param('tenant'), workflow: 'customers.read' })
  tenant(@KeyPrincipal() principal: Principal) {
    return { tenant: principal.tenant }
  }

  @Get('health')
  @Public()
  health() {
    return { twinkey: typeof this.names.twinkey.keys.create }
  }
}

@Module({
  imports: [
    TwinkeyModule.forRootAsync({
      useFactory: () => ({ twinkey: createTwinkey<Plan>({ environments: ['production'] }) }),
      global: true,
    }),
  ],
  controllers: [Customers],
  providers: [Names],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: false })
  const twinkey = app.get<Twinkey<Plan>>(TWINKEY)
  app.use('/tokens', mount(tokenEndpoints(twinkey)))
  await app.listen(0, '127.0.0.1')
  const url = await app.getUrl()
  const health = await fetch(`${url}/health`)
  if ((await health.text()) !== '{"twinkey":"function"}')
    throw new Error('The route is not public.')
  await tryOut(twinkey, (path, init) => fetch(url + path, init))
  await app.close()
}

void main()
