/* SPDX-License-Identifier: ISC */
#include "relay/client_network.h"

#include <arpa/inet.h>
#include <string.h>

void client_network_read(const char *client, uint8_t network[CLIENT_NETWORK_LEN])
{
	uint8_t address[16] = {0};

	memset(network, 0, CLIENT_NETWORK_LEN);
	if (inet_pton(AF_INET, client, address) == 1) {
		network[0] = 4;
		memcpy(network + 1, address, 4);
	} else if (inet_pton(AF_INET6, client, address) == 1) {
		network[0] = 6;
		memcpy(network + 1, address, 8);
	}
}
