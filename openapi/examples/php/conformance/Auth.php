<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\CollectClient;
use Copilot\Credentials;
use Copilot\Generated\Model\CollectRequest;
use Copilot\Generated\Model\Event;
use Copilot\Json;
use GuzzleHttp\Promise\FulfilledPromise;
use GuzzleHttp\Promise\PromiseInterface;
use GuzzleHttp\Psr7\Response;
use InvalidArgumentException;
use Psr\Http\Message\RequestInterface;

/** The header that the client puts on the wire for credentials. */
final class Auth
{
    public function __construct(private readonly Setup $setup)
    {
    }

    public function run(): void
    {
        $example = $this->setup->vectors($this->setup->eventFiles()[0])->cases[0]->body;
        $request = (new CollectRequest())->setEvents([Json::read($example, Event::class)]);
        foreach ($this->setup->vectors('basic-auth.json')->cases as $case) {
            $line = ['part' => 'auth', 'name' => $case->name];
            $expected = $case->valid ? ['header' => $case->header] : ['refused' => true];
            $header = '';
            $transport = static function (RequestInterface $sent) use (&$header): PromiseInterface {
                $header = $sent->getHeaderLine('Authorization');
                return new FulfilledPromise(new Response(200, ['Content-Type' => 'application/json'], '{}'));
            };
            try {
                $credentials = new Credentials($case->client_id, $case->client_secret);
                (new CollectClient($this->setup->endpoint, $credentials, $transport))->collect($request);
                $found = ['header' => $header];
            } catch (InvalidArgumentException) {
                $found = ['refused' => true];
            }
            $this->setup->tally->case('basic-auth.json', $case->name, [...$line, ...$found], $expected);
        }
    }
}
