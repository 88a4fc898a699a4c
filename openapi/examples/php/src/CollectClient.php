<?php

declare(strict_types=1);

namespace Copilot;

use Copilot\Generated\Api\CollectApi;
use Copilot\Generated\Model\CollectRequest;
use Copilot\Generated\Model\CollectResponse;
use GuzzleHttp\Psr7\Request;
use GuzzleHttp\Psr7\Uri;
use InvalidArgumentException;
use TypeError;

/** The generated client of `collect`, for an endpoint that is configured as a whole URL. */
final class CollectClient
{
    private readonly CollectApi $api;

    /** @throws InvalidArgumentException when the endpoint is none; the message does not quote it */
    public function __construct(string $endpoint, Credentials $credentials)
    {
        $uri = Endpoint::parse('the endpoint of collect', $endpoint);
        $http = Http::client($uri, [200], CollectResponse::class);
        $this->api = new class ($uri, $http, $credentials->configuration()) extends CollectApi {
            public function __construct(private readonly Uri $uri, mixed ...$generated)
            {
                parent::__construct(...$generated);
            }

            public function collectRequest(
                CollectRequest $collect_request,
                string $contentType = self::contentTypes['collect'][0],
            ): Request {
                $generated = parent::collectRequest($collect_request, $contentType);
                return Http::request($generated, $this->uri, $collect_request);
            }
        };
    }

    /**
     * Sends events. Those that the answer lists were refused, all others were taken.
     *
     * @throws NotSent when the generated rules refuse an event: it names the event, and none of them was sent
     * @throws Refusal when the whole request was refused
     * @throws Unreadable when the answer is a success that cannot be read: the events may have been taken
     * @throws NoAnswer when no answer came
     */
    public function collect(CollectRequest $request): CollectResponse
    {
        foreach ($request->getEvents() as $index => $event) {
            $faults = self::faults($event);
            if ($faults !== []) {
                $id = $event['event_id'] ?? null;
                throw new NotSent($faults, $index, is_string($id) ? $id : null);
            }
        }
        return $this->api->collect($request);
    }

    /** @return array<string, string> what a dump may show */
    public function __debugInfo(): array
    {
        return [];
    }

    /** @return list<string> */
    private static function faults(mixed $event): array
    {
        try {
            return Json::faults($event);
        } catch (TypeError) {
            return ['a value is of the wrong type'];
        }
    }
}
